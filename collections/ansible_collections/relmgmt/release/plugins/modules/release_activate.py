# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_activate
short_description: Make a staged deployment current, provisionally
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Stops the service, switches release and profile by one rename, starts the service and asks the probes.
  - >-
    A deployment that does not become healthy is left again at once, by the host itself; the outcome is then
    V(reverted).
  - >-
    Where the release declares traffic, the host leaves it first and waits for the release's drain time. A provisional
    deployment is out of traffic; M(relmgmt.release.release_confirm) leads back into it, and so does a way back.
  - >-
    Before anything is stopped, the host arms a guard of its own. It leaves the deployment again, without a controller
    or a network, if this module is interrupted, if the service dies or its required probes stay red, if the host is
    started anew, or if nobody confirms in time. Where no guard comes up, nothing is touched (C(guard-not-armed)).
  - >-
    A release with C(activation: reboot) takes effect by a boot. The host stops the service, switches, answers, and is
    then started anew; this module waits until it is back, at most for the release's C(reboot.timeout) and the time that
    its probes may take, and asks over a new connection what came of it. The time to be confirmed in counts from that
    boot. A host that does not come back in time is V(unreachable) (C(host-not-back)); once it is back, and nobody
    confirms, it goes back by itself. To leave such a release starts the host anew once more.
  - >-
    Where probes could not be asked at all, nothing is known against the deployment: the outcome is V(provisional), and
    RV(inconclusive) is true.
  - >-
    Reads again all that the capsules of the deployment and of the one that it leaves name. A damaged one fails with
    the code V(capsule-damaged) before anything is touched; M(relmgmt.release.release_stage) repairs it. A host that is
    sick has no way back to prove.
  - >-
    For a deployment that already is current, sees that its service runs and is healthy, and that the host is in
    traffic if the deployment is final. If it is not, the time that it has to be confirmed in begins anew.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  deployment:
    description: Number of the deployment, as M(relmgmt.release.release_stage) returned it.
    type: int
    required: true
  confirm_timeout:
    description:
      - Seconds within which the deployment has to be confirmed; then the host goes back by itself.
      - Left out, it is C(health.confirm_timeout) of the release.
    type: float
"""

EXAMPLES = r"""
- name: Activate it
  relmgmt.release.release_activate:
    package: calendar/radicale
    deployment: "{{ staged.deployment }}"
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: provisional
reason:
  description: Why, where there is something to say.
  returned: always
  type: str
  sample: ""
cause:
  description:
    - What a failure speaks against. V(release) if it was tried and is not healthy, V(host) if anything else went
      wrong.
  returned: when the deployment was left, or would have been
  type: str
  sample: release
code:
  description: Stable identifier of the error.
  returned: when the host refused or could not be reached
  type: str
  sample: host-unreachable
deployment:
  description: Number of the deployment on the host.
  returned: when the host answered
  type: int
  sample: 3
inconclusive:
  description: Probes could not be asked, and nothing else is known against the deployment.
  returned: when that is so
  type: bool
  sample: true
probes:
  description: The answers to the package's probes and smoke tests.
  returned: when probes were asked
  type: list
  elements: dict
  sample:
    - {name: web, level: required, healthy: true, reason: ""}
seconds:
  description: How long it took until the verdict, in seconds.
  returned: when probes were asked
  type: float
  sample: 1.8
"""
