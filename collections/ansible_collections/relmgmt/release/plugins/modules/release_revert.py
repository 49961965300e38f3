# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_revert
short_description: Go back to a deployment that a host still holds
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    With O(deployment), leaves that deployment for the one before it, if it is the current one.
  - >-
    With O(version), goes back to the newest confirmed deployment of that version; with O(to), to that deployment, if it
    was ever confirmed.
  - >-
    Where the release declares traffic, the host leaves it first, waits for the drain time, and is in traffic again as
    soon as the deployment before is healthy.
  - >-
    A release that took effect by a boot of the host (C(activation: reboot)) is left by another one, for which this
    module waits as M(relmgmt.release.release_activate) does.
  - >-
    Refused with C(point-of-no-return) where M(relmgmt.release.release_freeze) closed the way.
  - >-
    In check mode it says what it would place differently, what becomes of the service, and how long that may take.
  - >-
    Needs nothing but the host itself; neither the DML nor a secret store nor the registry.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  deployment:
    description: Number of the deployment to leave. Exactly one of O(deployment), O(to) and O(version) is needed.
    type: int
  to:
    description: Number of the deployment to go back to, however many were there since.
    type: int
  version:
    description: Version to go back to; V(adopted) for what ran on the host before the first release, if it was adopted.
    type: str
    default: ""
  reason:
    description: Why, for the host's journal.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Go back to the version before
  relmgmt.release.release_revert:
    package: calendar/radicale
    version: 3.8.3
    reason: INC-2044
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: reverted
reason:
  description: Why, where there is something to say.
  returned: always
  type: str
  sample: ""
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
from:
  description: The deployment that was left.
  returned: when something was left
  type: int
  sample: 3
to:
  description: The deployment that runs now, 0 for none.
  returned: when something was left
  type: int
  sample: 2
changes:
  description: >-
    What would be placed differently, before and after: files of the release, rendered files of the configuration, and
    what that is made of, by name; without values.
  returned: in check mode, when something would be left
  type: dict
  sample: {after: {release/app/version: "sha256:9f86d081884c"}, before: {release/app/version: "sha256:60303ae22b99"}}
service:
  description: >-
    The service's name, and what would be C(done) to it: V(restart), V(reload), V(none), V(start), V(stop), or V(reboot)
    where the host is started anew.
  returned: in check mode, when a service would be concerned
  type: dict
  sample: {done: restart, name: radicale.service}
takes:
  description: Seconds that it may take at most, as the deployment that is gone to declares.
  returned: in check mode, when something would be left
  type: float
  sample: 42.0
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
