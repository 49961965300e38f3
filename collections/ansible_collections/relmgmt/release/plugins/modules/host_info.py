# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Ask a host what it is and which releases it holds
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Returns what the host is (Python, free bytes, whether its root can be trusted and written) and, with O(package),
    what of it is there.
  - >-
    Nothing is written to the host.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  package:
    description: Name of the package, C(team/app). Without it only the host is described.
    type: str
    required: false
    default: ""
  source:
    description: >-
      Directory on the controller that M(relmgmt.release.package_fetch) returned as C(path), of a release that is to
      take the place of what the host runs already. The host is asked for that then, as if it were recorded. Without it,
      or where there is no such package, only what was recorded is told.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: See what runs
  relmgmt.release.host_info:
    package: calendar/radicale
  register: here

- name: Show the version
  ansible.builtin.debug:
    msg: "{{ here.release.current.version | default('absent') }}"
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: ok
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
host:
  description:
    - The host, and C(problems) that forbid placing packages on it.
    - C(identity) is a digest that tells the root on this machine from every other place.
  returned: when the host answered
  type: dict
  sample:
    identity: "sha256:07..."
    problems: []
    python: {executable: /usr/bin/python3, version: 3.11.2}
    root: {free_bytes: 1073741824, path: /srv/relmgmt}
    systemd: true
    user: 0
release:
  description:
    - The instance. C(state) is V(absent), V(adopted) where something runs that relmgmt did not install, or the outcome
      of the current deployment, C(service) is V(active), V(inactive) or V(none).
    - C(adopted) is what deployment 0 is, the digest of its record, its units and files; null where that is nothing.
    - C(traffic) is V(in) or V(out), or null where the current deployment declares no traffic.
    - C(guarded) says whether a guard sees to the way back at this moment, C(seconds_left) after how many seconds it
      leaves a deployment that nobody confirms; null where there is none.
    - C(frozen) is why no way leads behind the deployment C(frozen_at), V(0) and empty where that is not so.
    - C(migrations) of a deployment lists, for each database, what its release does to it.
    - C(interrupted) says that a crash left something half done; the next verb that changes something finishes it.
  returned: when the host answered and O(package) is given
  type: dict
  sample:
    adopted:
    current:
      deployment: 2
      migrations:
        - {database: calendar, from: 1a2b, steps: [{irreversible: false, phase: expand, to: 3c4d}]}
      profile: "sha256:4f..."
      proven: true
      release: "sha256:9a..."
      status: confirmed
      version: 3.9.0
      versions: {"ansible-vault:secrets.yml#htpasswd": 9c1185a5c5e9}
    deployments: []
    frozen: ""
    frozen_at: 0
    guarded: false
    instance: main
    interrupted: false
    package: calendar/radicale
    previous:
    seconds_left:
    service: active
    state: confirmed
    traffic: in
    units: []
"""
