# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first lines of the child: make the collection importable without Ansible, then serve (private).

Started as ``python -I -B entry.py``. The parent's search path arrives as the first line of standard input, because an
isolated interpreter does not know user directories. The package gets a name of its own, because ``ansible_collections``
could be another installation's.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import sys
import types

__all__ = ["main"]

_NAME = "relmgmt_plugins"


def main() -> None:
    """Serve one job from standard input to standard output."""
    sys.path[:] = json.loads(sys.stdin.buffer.readline())
    package = types.ModuleType(_NAME)
    package.__path__ = [str(pathlib.Path(__file__).resolve().parents[2])]
    sys.modules[_NAME] = package
    importlib.import_module(f"{_NAME}.plugin_utils._profile.child").serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
