# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_fetch
short_description: Fetch a release package for an environment
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Finds out what may be installed, verified from the trusted root on, and puts the package into the controller's
    cache.
  - The team that published the version and the environment that it is promoted to must name the same digest for it.
  - What is in the cache already is verified and used again. What was damaged there is fetched anew.
  - In check mode nothing is written, neither to the cache nor to what is remembered of the DML; C(path) is where the
    package is or would be.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml
  - relmgmt.release.dml.client
options:
  environment:
    description: Environment for which the package is fetched.
    type: str
    required: true
  name:
    description: The package, as team/application.
    type: str
    required: true
  version:
    description: Version of the package. If not given, the newest that is promoted to the environment.
    type: str
seealso:
  - module: relmgmt.release.package_info
  - module: relmgmt.release.package_promote
"""

EXAMPLES = r"""
- name: Fetch the newest version for production
  relmgmt.release.package_fetch:
    dml: /srv/dml
    trusted_root: /etc/relmgmt/root.json
    name: calendar/radicale
    environment: prod
  register: fetched

- name: Fetch a certain version into a directory of one's own
  relmgmt.release.package_fetch:
    dml: /srv/dml
    trusted_root: /etc/relmgmt/root.json
    name: calendar/radicale
    version: 3.8.3
    environment: prod
    cache: /var/tmp/relmgmt
"""

RETURN = r"""
package:
  description: What was fetched.
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
path:
  description:
    - Directory of the package in the cache. It holds C(manifest.json), C(units/), C(config/) and C(oci/).
    - In check mode, where it would be if the task reports a change.
  returned: success
  type: str
  sample: /home/ops/.cache/relmgmt/packages/5e6ee7ba1b1f1ef5d9d4f9d8ae5bd2a4b7a1e3cf2f65c9ce54f9f9a1d8f0c4b7
"""
