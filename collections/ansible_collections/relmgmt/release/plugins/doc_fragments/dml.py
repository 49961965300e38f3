# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the definitive media library and what belongs to it are: options that several verbs share."""

from __future__ import annotations


class ModuleDocFragment:
    """One section for each option; each has an environment form."""

    DOCUMENTATION = r"""
options:
  dml:
    description:
      - Directory of the definitive media library (DML).
      - If not given, the environment variable E(RELMGMT_DML) of the controller says it.
    type: path
"""

    KEYS = r"""
options:
  keys:
    description:
      - Directory of the private keys that sign for the DML, one file C(<role>.pem) for each role.
      - Nobody else may be able to read it, and it must not lie in the DML.
      - If not given, the environment variable E(RELMGMT_KEYS) of the controller says it.
    type: path
"""

    CLIENT = r"""
options:
  cache:
    description:
      - Directory of packages that were fetched, and of what was last seen of the DML.
      - If not given, the environment variable E(RELMGMT_CACHE) of the controller says it.
      - Else it is C(~/.cache/relmgmt).
    type: path
  trusted_root:
    description:
      - File with the root metadata to trust, as M(relmgmt.release.dml_repository) wrote it.
      - It must have come here over a trustworthy way. It is never taken from the DML itself.
      - If not given, the environment variable E(RELMGMT_TRUSTED_ROOT) of the controller says it.
    type: path
"""
