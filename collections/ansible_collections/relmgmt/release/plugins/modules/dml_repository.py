# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dml_repository
short_description: Make and keep a definitive media library
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Makes a definitive media library (DML) in a directory, with the roles and the keys of The Update Framework (TUF).
  - Run again, it adds the teams and environments that are missing, and signs anew what has less than a third of its
    time left. Run it more often than that, or fetching ends with C(metadata-expired).
  - Teams and environments are never removed.
  - Each team has a role that signs what it has published. Each pair of environment and team has a role that signs what
    is promoted. A package can be fetched for an environment if both name the same digest.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml
  - relmgmt.release.dml.keys
options:
  environments:
    description: Environments that there must be, such as V(ci), V(staging), V(prod).
    type: list
    elements: str
    default: []
  expiry:
    description:
      - For how many days signatures hold. What is not given stays as it is.
      - Shorter times limit how long a client can be kept from seeing what is new.
    type: dict
    suboptions:
      roles:
        description: The roles of teams and environments, and the one that delegates to them. V(180) in a new DML.
        type: int
      root:
        description: The root. V(365) in a new DML.
        type: int
      snapshot:
        description: The snapshot. V(30) in a new DML.
        type: int
      timestamp:
        description: The timestamp. V(7) in a new DML.
        type: int
  teams:
    description: Teams that there must be. A team is the first half of the name of its packages.
    type: list
    elements: str
    default: []
  trusted_root:
    description:
      - File to which the newest root is written, for clients to trust.
      - A file that does not vouch for it is not replaced.
      - If not given, the environment variable E(RELMGMT_TRUSTED_ROOT) of the controller says it; else none is written.
    type: path
seealso:
  - module: relmgmt.release.package_publish
  - module: relmgmt.release.package_promote
  - name: The Update Framework
    description: What the roles are, and which attacks they stand.
    link: https://theupdateframework.io/
"""

EXAMPLES = r"""
- name: Make the DML, or keep its signatures fresh
  relmgmt.release.dml_repository:
    dml: /srv/dml
    keys: /etc/relmgmt/keys
    trusted_root: /etc/relmgmt/root.json
    teams:
      - calendar
    environments:
      - ci
      - staging
      - prod

- name: Keep the signatures fresh, and let clients notice within two days when they are kept from what is new
  relmgmt.release.dml_repository:
    dml: /srv/dml
    keys: /etc/relmgmt/keys
    expiry:
      timestamp: 2
"""

RETURN = r"""
reasons:
  description: What was done, or would be done. Empty if nothing changed.
  returned: success
  type: list
  elements: str
  sample:
    - role timestamp renewed
repository:
  description: The DML.
  returned: success
  type: dict
  contains:
    path:
      description: Directory of the DML.
      type: str
    trusted_root:
      description: File with the root to trust; empty if none is written.
      type: str
    teams:
      description: All teams.
      type: list
      elements: str
    environments:
      description: All environments.
      type: list
      elements: str
    expiry:
      description: For how many days signatures hold.
      type: dict
    roles:
      description: All roles of TUF.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the role.
          type: str
        version:
          description: Version of its metadata.
          type: int
        expires:
          description: Until when its signature holds, UTC.
          type: str
  sample:
    path: /srv/dml
    trusted_root: /etc/relmgmt/root.json
    teams:
      - calendar
    environments:
      - prod
    expiry:
      root: 365
      roles: 180
      snapshot: 30
      timestamp: 7
    roles:
      - name: packages/calendar
        version: 3
        expires: "2027-05-20T12:00:00Z"
"""
