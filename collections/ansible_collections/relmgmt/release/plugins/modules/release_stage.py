# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_stage
short_description: Bring a release to a host, beside what runs
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Places the units of a fetched package and a rendered profile as a new deployment. What runs is not touched.
  - >-
    Only files that the host lacks are sent. Everything that arrives is verified by digest.
  - >-
    The deployment is sealed: its capsule names, by digest, all that going back to it needs. The capsule of what runs is
    read again, every byte of it, and damage is repaired: from what else is on the host, from the package, from
    O(fallback). Where it cannot be repaired the outcome is V(failed) with the code V(capsule-damaged), and nothing was
    touched.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  source:
    description: Directory on the controller that M(relmgmt.release.package_fetch) returned as C(path).
    type: str
    required: true
  profile:
    description: File on the controller with the rendered profile of this host, as M(relmgmt.release.rollout_plan)
      wrote it.
    type: str
    required: true
  transfer:
    description: >-
      File on the controller with what to send, as M(relmgmt.release.rollout_plan) packed it once for all hosts that
      hold the same releases. Without it, the files are packed for this host.
    type: str
    default: ""
  fallback:
    description: >-
      Directories on the controller, like O(source), with the packages of what the host runs now. What the host has lost
      of it and O(source) does not hold is sent from there. One that is not there is passed over.
    type: list
    elements: str
    default: []
  adopt:
    description: >-
      Whether what the host runs already, and the release names in C(adopts), may be stopped for it. It is recorded now,
      and every way back to before the first release gives it back. Without it, such a host is refused with the code
      V(unit-foreign).
    type: bool
    default: false
  companions:
    description: >-
      File on the controller with profiles for deployments that the host holds, as M(relmgmt.release.rollout_plan) wrote
      it. They are sealed beside those deployments and take their places when this one is confirmed; a way back that is
      taken before leads to what was sealed before. What does not fit the host is left out.
    type: str
    default: ""
  held:
    description: >-
      Deployments that the host holds, as M(relmgmt.release.host_info) returned them. Files of theirs are not sent. A
      host
      that turns out to lack one asks for it.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Stage the release
  relmgmt.release.release_stage:
    package: calendar/radicale
    source: "{{ fetched.path }}"
    profile: "/run/user/1000/relmgmt/profiles/{{ inventory_hostname }}.json"
    fallback: ["{{ fetched_before.path }}"]
  register: staged
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: staged
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
version:
  description: Version of the release.
  returned: when the host answered
  type: str
  sample: 3.9.0
adopted:
  description: >-
    What deployment 0 is, where no release runs yet and something else does. The digest of its record, its units with
    their ports, and the files that are given back with it; or C(replaced), the package that the release replaces, with
    its version and the digest of its release. Null where it is nothing.
  returned: when the host answered
  type: dict
  sample:
    digest: "sha256:7c..."
    files: [/etc/systemd/system/multi-user.target.wants/radicale.service]
    replaced:
    units: [{active: true, enabled: enabled, ports: [[127.0.0.1, 5232]], unit: radicale.service}]
from:
  description: The deployment that runs, 0 for none.
  returned: when the host answered
  type: int
  sample: 2
companions:
  description: Deployments that are re-sealed when this one is confirmed.
  returned: when the host answered
  type: list
  elements: int
  sample: [2]
repaired:
  description: >-
    Paths below the instance that were damaged or missing and were repaired, in check mode those that would be. A tree
    that was missing is named by its directory. An empty list where everything was whole.
  returned: when the host answered
  type: list
  elements: str
  sample: [profiles/3f5c/radicale.ini]
changes:
  description: >-
    What would change on the host by name, as a diff shows it before and after. Files of the release are named below
    C(release/), rendered files below C(profile/), what those are made of below C(config/), C(secrets/) and C(facts/);
    without any value.
  returned: in check mode, when the host answered
  type: dict
  sample: {before: {release/app/page: "sha256:9a0c11d2f4ab"}, after: {release/app/page: "sha256:77d1e5a09b3c"}}
"""
