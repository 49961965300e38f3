# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_promote
short_description: Promote a release package to an environment
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Lists a published version of a package for an environment, after having verified all its bytes.
  - It is the very package that was published, not a copy. Only then can it be fetched for the environment.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml
  - relmgmt.release.dml.keys
options:
  environment:
    description: Environment of the definitive media library, such as V(prod).
    type: str
    required: true
  name:
    description: The package, as team/application.
    type: str
    required: true
  version:
    description: Version of the package.
    type: str
    required: true
seealso:
  - module: relmgmt.release.package_publish
  - module: relmgmt.release.package_fetch
"""

EXAMPLES = r"""
- name: Promote to production
  relmgmt.release.package_promote:
    dml: /srv/dml
    keys: /etc/relmgmt/keys
    name: calendar/radicale
    version: 3.9.0
    environment: prod
"""

RETURN = r"""
package:
  description: What is promoted.
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
    environment:
      description: Where it is promoted to.
      type: str
  sample:
    name: calendar/radicale
    version: 3.9.0
    versioning: pep440
    type: minor
    digest: sha256:5e6ee7ba1b1f1ef5d9d4f9d8ae5bd2a4b7a1e3cf2f65c9ce54f9f9a1d8f0c4b7
    environment: prod
reasons:
  description: What was done, or would be done. Empty if nothing changed.
  returned: success
  type: list
  elements: str
  sample:
    - promoted to prod
"""
