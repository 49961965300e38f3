# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_migrate
short_description: Take a database to a version of its schema
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Runs, on the host, the commands that C(migrations) of the package declares: up to a later version, or down to an
    earlier one. They are those of the release that O(deployment) holds, whether it runs or not.
  - >-
    What the database says, asked before each step and after it, decides what is done. A run that was interrupted is
    finished by the same task.
  - >-
    Nothing is run where the database says what the package does not know, where a step that is irreversible would have
    to be taken back, and while a deployment on the host is provisional.
  - >-
    Several hosts may share one database; a migration belongs on one of them.
  - >-
    In check mode the database is only asked.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  deployment:
    description: Number of the deployment whose release holds the commands.
    type: int
    required: true
  database:
    description: Name of the database, as the package declares it.
    type: str
    required: true
  to:
    description:
      - Version of the schema to arrive at, one of those that the package names for the database.
      - Empty means an empty database, where C(from) of the package is that.
    type: str
    required: true
  direction:
    description: >-
      V(up) leaves a database alone that is at O(to) or at a later version, V(down) one that is there or at an earlier
      one. V(any) goes to O(to) from either side.
    type: str
    choices: [any, up, down]
    default: any
"""

EXAMPLES = r"""
- name: Make the database ready for the release
  relmgmt.release.release_migrate:
    package: calendar/radicale
    deployment: "{{ staged.deployment }}"
    database: calendar
    to: 5e6f
    direction: up
"""

RETURN = r"""
outcome:
  description: What happened, V(migrated) or V(failed).
  returned: always
  type: str
  sample: migrated
reason:
  description: Why it failed, with the last of what the command said.
  returned: always
  type: str
  sample: ""
code:
  description: Stable identifier of the error.
  returned: when it failed, the host refused or could not be reached
  type: str
  sample: schema-astray
deployment:
  description: Number of the deployment on the host.
  returned: when the host answered
  type: int
  sample: 3
database:
  description: Name of the database.
  returned: when the host answered
  type: str
  sample: calendar
before:
  description: Version of the schema that the database had; missing in check mode where the release is not yet there.
  returned: when the database was asked
  type: str
  sample: 1a2b
after:
  description: Version of the schema that the database has; in check mode what it would have, null where nobody knows.
  returned: when the database was asked
  type: str
  sample: 5e6f
steps:
  description: The steps that were taken, in check mode those that would be.
  returned: when the database was asked
  type: list
  elements: dict
  sample:
    - {to: 3c4d, direction: up, seconds: 1.2}
    - {to: 5e6f, direction: up, seconds: 8.4}
failing:
  description: >-
    Version that a step was to lead to which was begun and did not end well; null where there is none. Nobody knows what
    such a step has done.
  returned: when the host answered
  type: str
  sample:
"""
