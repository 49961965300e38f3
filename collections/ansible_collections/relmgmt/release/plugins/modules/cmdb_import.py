# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cmdb_import
short_description: Report what differs between a CMDB and what relmgmt knows
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Compares the file of a CMDB with the inventory and the registry, in both directions. Hosts are not asked.
  - A column that the file does not have is not compared; C(since) and C(state) never are. Columns that are no fields
    are passed over.
  - Nothing is written, unless O(sites_file) asks for it.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.cmdb
options:
  path:
    description: The file of the CMDB, at most 32 MiB and 200000 records.
    type: path
    required: true
  sites_file:
    description:
      - Sites file (P(relmgmt.release.sites#inventory)) that is to say of hosts, sites, environments, packages and
        wanted versions what the CMDB says. It is made if it is not there.
      - What the CMDB knows nothing of stays as it is, such as addresses and variables. What runs is no part of such a
        file, a rollout changes that.
      - A file that says so already is left alone. Comments in one that is changed are lost.
    type: path
  remove:
    description: Whether hosts that the CMDB does not have are taken out of O(sites_file).
    type: bool
    default: false
seealso:
  - module: relmgmt.release.cmdb_export
  - plugin: relmgmt.release.sites
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: See what differs
  relmgmt.release.cmdb_import:
    path: /srv/exchange/cmdb.csv
  register: compared

- name: Insist on the same hosts
  ansible.builtin.assert:
    that: compared.counts.missing_here == 0 and compared.counts.missing_there == 0

- name: Follow the CMDB
  relmgmt.release.cmdb_import:
    path: /srv/exchange/cmdb.csv
    sites_file: inventories/prod/fleet.sites.yml
    remove: true
"""

RETURN = r"""
summary:
  description: What differs, in a line.
  returned: success
  type: str
  sample: "3 differences: 1 missing here, 0 missing there, 2 different"
counts:
  description: How many differences of each kind there are.
  returned: success
  type: dict
  contains:
    missing_here:
      description: Hosts and packages that only the CMDB has.
      type: int
    missing_there:
      description: Hosts and packages that the CMDB does not have.
      type: int
    different:
      description: Fields that differ.
      type: int
differences:
  description: What differs, by host, package and instance, as it was before O(sites_file) was written.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
      sample: berlin-1
    package:
      description: The package; empty where it is about the host itself.
      type: str
      sample: calendar/radicale
    instance:
      description: The instance; empty likewise.
      type: str
      sample: main
    kind:
      description: V(missing_here), V(missing_there) or V(different).
      type: str
      sample: different
    field:
      description: The field that differs; empty where all of it is missing.
      type: str
      sample: version
    here:
      description: What relmgmt knows.
      type: str
      sample: 3.8.3
    there:
      description: What the CMDB says.
      type: str
      sample: 3.9.0
    text:
      description: The same for people.
      type: str
      sample: "berlin-1: calendar/radicale (main): version is 3.8.3 here, 3.9.0 there"
"""
