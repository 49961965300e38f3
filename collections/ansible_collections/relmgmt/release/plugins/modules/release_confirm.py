# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_confirm
short_description: Make a provisional deployment final
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Confirms the deployment that was activated, and takes the host back into traffic where the release declares that.
    Fails, and never says otherwise, when the host has left it meanwhile.
  - >-
    Asks over a new connection: one that was kept open since the deployment was activated would not show that the host
    can still be reached.
  - >-
    The host asks its probes once more first. If the deployment is not healthy any more, it is left instead, and the
    outcome is V(reverted).
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  deployment:
    description: Number of the deployment that was activated.
    type: int
    required: true
  keep:
    description:
      - How many further confirmed deployments to keep; older ones are removed once this one is final, as
        M(relmgmt.release.release_prune) does, in the same round trip.
      - Nothing is removed if neither this nor O(keep_days) is given. If only O(keep_days) is, this is V(1).
      - What goes wrong with the removal is told in RV(reason); the deployment is final all the same.
    type: int
  keep_days:
    description: Also keep every confirmed deployment that was staged or left within so many days.
    type: int
  probe:
    description:
      - Whether a deployment that is final already is judged again, by the measure of its activation. Where it is not
        healthy any more the outcome is V(failed), and nothing is done about it.
      - Without it, a deployment that is final stays so unasked.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Confirm it
  relmgmt.release.release_confirm:
    package: calendar/radicale
    deployment: "{{ staged.deployment }}"
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: confirmed
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
removed:
  description: What was removed, relative to the instance's directory.
  returned: when it was confirmed and O(keep) or O(keep_days) is given
  type: list
  elements: str
  sample: [deployments/1, releases/3.8.3-1c2d3e4f]
resealed:
  description: >-
    Deployments that the host holds and that got newer secrets by this, because it proves them; see
    O(relmgmt.release.release_stage#module:companions).
  returned: when it was confirmed, or would be
  type: list
  elements: int
  sample: [2]
"""
