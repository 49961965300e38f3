# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the path of every Python older than 3.8: on the PATH, and beside those that a version manager put there."""

from __future__ import annotations

import os
import pathlib
import subprocess

OLD = "import sys; sys.exit(sys.version_info >= (3, 8))"

places = [pathlib.Path(place) for place in os.environ["PATH"].split(":") if place]
managers = {place.parents[2] for place in places if place.match("versions/*/bin")}
managers |= {place.parent for place in places if place.name == "shims"}
candidates = [
    place / name for place in places if place.name != "shims" for name in ("python3.7", "python3.6", "python2.7")
]
for manager in sorted(managers):
    candidates += [path for minor in ("3.7", "3.6", "2.7") for path in manager.glob(f"versions/{minor}*/bin/python")]
for candidate in candidates:
    if candidate.exists() and subprocess.run([candidate, "-c", OLD], capture_output=True, check=False).returncode == 0:
        print(candidate)
