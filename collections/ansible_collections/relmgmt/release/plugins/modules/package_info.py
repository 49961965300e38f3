# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_info
short_description: List the versions of a release package
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Lists what is published of a package and which environments it is promoted to, verified from the trusted root on.
  - A package of which nothing is published has no versions; that is no error.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml
  - relmgmt.release.dml.client
options:
  name:
    description: The package, as team/application.
    type: str
    required: true
seealso:
  - module: relmgmt.release.package_fetch
"""

EXAMPLES = r"""
- name: List the versions of a package
  relmgmt.release.package_info:
    dml: /srv/dml
    trusted_root: /etc/relmgmt/root.json
    name: calendar/radicale
  register: found
"""

RETURN = r"""
package:
  description: The package.
  returned: success
  type: dict
  contains:
    name:
      description: Team and application.
      type: str
    versions:
      description: What is published, oldest first.
      type: list
      elements: dict
      contains:
        version:
          description: Version.
          type: str
        versioning:
          description: Scheme of the version.
          type: str
        type:
          description: Release type.
          type: str
        digest:
          description: Digest of the manifest, which names the package.
          type: str
        environments:
          description: Environments that it is promoted to.
          type: list
          elements: str
  sample:
    name: calendar/radicale
    versions:
      - version: 3.9.0
        versioning: pep440
        type: minor
        digest: sha256:5e6ee7ba1b1f1ef5d9d4f9d8ae5bd2a4b7a1e3cf2f65c9ce54f9f9a1d8f0c4b7
        environments:
          - prod
"""
