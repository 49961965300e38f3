# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cmdb_export
short_description: Write what is known of configuration items for a CMDB
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Writes a record for each instance of a package on each host, and one for each host without any.
  - Sites, environments and wanted versions come from the variables C(relmgmt_site), C(relmgmt_environment) and
    C(relmgmt_packages) of the inventory, versions that run from the registry. Hosts are not asked.
  - The same knowledge gives the same file. In CSV, a cell that a spreadsheet would run as a formula gets an apostrophe
    before it, which M(relmgmt.release.cmdb_import) takes off again.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.cmdb
options:
  hosts:
    description:
      - The hosts whose records are written.
      - If not given, all hosts of the inventory that have a site, an environment or packages.
    type: list
    elements: str
    default: []
  path:
    description: The file to write. Its directory is there.
    type: path
    required: true
seealso:
  - module: relmgmt.release.cmdb_import
  - plugin: relmgmt.release.sites
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Tell the CMDB what runs where
  relmgmt.release.cmdb_export:
    path: /srv/exchange/relmgmt.csv

- name: Tell it in its own words
  relmgmt.release.cmdb_export:
    path: /srv/exchange/relmgmt.csv
    columns: {host: ci_name, site: location, version: installed_version}
    hosts: "{{ groups['env_prod'] }}"
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
configuration_items:
  description: The records, in the order of host, package and instance. All values are text.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Name in the inventory.
      type: str
      sample: berlin-1
    site:
      description: Where it stands.
      type: str
      sample: berlin
    environment:
      description: Environment that it belongs to.
      type: str
      sample: prod
    package:
      description: Package; empty for a host without any.
      type: str
      sample: calendar/radicale
    instance:
      description: Instance of the package.
      type: str
      sample: main
    version:
      description: Version that it was last seen with; empty where none runs.
      type: str
      sample: 3.8.3
    wanted:
      description: Version that the inventory asks for, or V(newest); empty where it does not ask for the package.
      type: str
      sample: 3.9.0
    since:
      description: When this version was first seen there, in UTC.
      type: str
      sample: "2026-11-21T10:41:12.000000Z"
    state:
      description: Outcome of the last rollout to it; V(absent) or V(adopted) where no release of relmgmt runs.
      type: str
      sample: confirmed
"""
