# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_build
short_description: Build a release package
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Builds the release package that a C(release.yml) declares, as an OCI image layout in a directory.
  - The same input gives the same bytes on every machine and at any time.
  - Nothing of the package is run. Its templates are parsed, not rendered.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  release_file:
    description:
      - The C(release.yml) of the package. What it names lies below its directory.
      - The collection's C(docs/release-yml.md) describes every key.
    type: path
    required: true
  output:
    description:
      - Directory of the layout. It is made, or replaced if it holds a package; anything else there is an error.
      - It is complete or untouched, whatever happens.
    type: path
    required: true
  wheelhouse:
    description:
      - Directory in which units of kind V(wheels) look for their wheels.
      - The directory C(wheelhouse) next to the release file if not given.
    type: path
seealso:
  - module: relmgmt.release.package_publish
"""

EXAMPLES = r"""
- name: Build the package
  relmgmt.release.package_build:
    release_file: examples/radicale/release-3.9.0.yml
    output: build/radicale-3.9.0
  register: built

- name: Build with wheels that are kept elsewhere
  relmgmt.release.package_build:
    release_file: examples/radicale/release-3.9.0.yml
    output: build/radicale-3.9.0
    wheelhouse: /srv/wheels
"""

RETURN = r"""
package:
  description: What was built.
  returned: success
  type: dict
  contains:
    name:
      description: Team and application.
      type: str
    version:
      description: Version.
      type: str
    type:
      description: Release type.
      type: str
    digest:
      description: Digest of the manifest, which names the package.
      type: str
    units:
      description: The units, the configuration's templates and schema included under the name C(config).
      type: list
      elements: dict
      contains:
        name:
          description: Name of the unit.
          type: str
        kind:
          description: Kind of the unit.
          type: str
        digest:
          description: Digest of the unpacked tree.
          type: str
        files:
          description: Number of files and links.
          type: int
        size:
          description: Bytes of all files.
          type: int
        blob:
          description: Digest of the compressed bytes.
          type: str
        blob_size:
          description: Number of compressed bytes.
          type: int
  sample:
    name: calendar/radicale
    version: 3.9.0
    type: minor
    digest: sha256:5e6ee7ba1b1f1ef5d9d4f9d8ae5bd2a4b7a1e3cf2f65c9ce54f9f9a1d8f0c4b7
    units:
      - name: app
        kind: wheels
        digest: sha256:0f5c4ad0e8b0c6ac7a3bb1a5d1f6a9df7fd3bfbb0a3b7a7e0df3be3d6b9a1c22
        files: 1421
        size: 9061376
        blob: sha256:9b1c2a4e0a4f3f8f0f8c1a7e7b2d6f5c3e9d8a7b6c5d4e3f2a1b0c9d8e7f6a5b
        blob_size: 1501184
path:
  description: Directory of the layout.
  returned: success
  type: str
  sample: /home/ops/build/radicale-3.9.0
"""
