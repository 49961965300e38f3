# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_publish
short_description: Publish a release package
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Verifies a package that was built, and adds it to the definitive media library (DML) in the name of its team.
  - A published version never changes. Publishing the same bytes again is fine, and mends blobs that were damaged since;
    other bytes under a version that exists are refused with C(package-exists).
  - Publishing deploys nothing. A package can be fetched for an environment once it is promoted to it.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml
  - relmgmt.release.dml.keys
options:
  layout:
    description: Directory of the package, an OCI image layout as M(relmgmt.release.package_build) makes it.
    type: path
    required: true
seealso:
  - module: relmgmt.release.package_build
  - module: relmgmt.release.package_promote
"""

EXAMPLES = r"""
- name: Publish what was built
  relmgmt.release.package_publish:
    dml: /srv/dml
    keys: /etc/relmgmt/keys
    layout: build/radicale-3.9.0
"""

RETURN = r"""
package:
  description: What is published.
  returned: success
  type: dict
  contains:
    name:
      description: Team and application.
      type: str
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
  sample:
    name: calendar/radicale
    version: 3.9.0
    versioning: pep440
    type: minor
    digest: sha256:5e6ee7ba1b1f1ef5d9d4f9d8ae5bd2a4b7a1e3cf2f65c9ce54f9f9a1d8f0c4b7
reasons:
  description: What was done, or would be done. Empty if nothing changed.
  returned: success
  type: list
  elements: str
  sample:
    - published
"""
