# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is exchanged with a CMDB: options that both verbs share."""

from __future__ import annotations


class ModuleDocFragment:
    """Format and columns of the file, and where the registry is."""

    DOCUMENTATION = r"""
options:
  format:
    description:
      - Format of the file. If not given, what its name ends in.
      - V(csv) has a line of names and then a line for each record, in UTF-8, with commas and double quotes.
      - V(json) has a list of objects, under C(configuration_items) or by itself.
    type: str
    choices: [csv, json]
  columns:
    description:
      - Names that the CMDB has for fields, as field → name. A field that is not named here has its own name.
      - The fields are C(host), C(site), C(environment), C(package), C(instance), C(version), C(wanted), C(since),
        C(state).
    type: dict
    default: {}
  registry:
    description:
      - Path of the SQLite file, or URL of the PostgreSQL database, that knows what runs.
      - If not given, the environment variable E(RELMGMT_REGISTRY) of the controller decides, and last
        V(~/.local/share/relmgmt/registry.db).
    type: str
"""
