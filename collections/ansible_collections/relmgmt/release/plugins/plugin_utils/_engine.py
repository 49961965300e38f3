# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host engine as one file: a zip that Python runs, the same bytes on every machine (private)."""

from __future__ import annotations

import functools
import io
import pathlib
import zipfile

__all__ = ["BOOT", "CANDIDATES", "engine_bytes"]

_UTILS = pathlib.Path(__file__).parents[1] / "module_utils"
_PACKAGE = "relmgmt_host"
# Where an interpreter is looked for on a host; the first that is new enough is taken.
CANDIDATES = ("python3", *(f"python3.{minor}" for minor in range(20, 7, -1)), "/usr/libexec/platform-python")

# The engine as a file is a command: a shell finds the interpreter, and that passes over these lines to the zip.
_COMMAND = f"""#!/bin/sh
for python in {" ".join(CANDIDATES)}; do
    if "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null </dev/null; then
        exec "$python" -I -S "$0" "$@"
    fi
done
echo "relmgmt-host: no Python 3.8 or newer is on the PATH. If there is one elsewhere: /its/path/python3 $0 $*" >&2
exit 1
"""

# The link by which it was called may lead to another engine before this one has ended.
_MAIN = b"""import os
import sys
if sys.version_info < (3, 8):
    sys.exit("relmgmt-host needs Python 3.8 or newer, and this is %d.%d" % sys.version_info[:2])
sys.path[0] = os.path.realpath(sys.path[0])
from relmgmt_host._host.compiled import prefer
with open(sys.path[0], "rb") as file:
    prefer(file.read(), sys.path[0].rpartition("/bin/")[0])
from relmgmt_host._host.cli import command
sys.exit(command(sys.argv))
"""

# What a host's Python is given with -c: it takes the engine from standard input into memory, so that nothing is written
# to a host that is only asked. The first line says how long the engine is and, if need be, which instance may hold its
# bytecode. It must parse on any Python, to be able to say that one is too old.
BOOT = """import sys
if sys.version_info < (3, 8):
    sys.exit(196)
import os
from io import BytesIO
source = sys.stdin.buffer
size, _, instance = source.readline()[:-1].partition(b" ")
engine = source.read(int(size))
memory = os.memfd_create("relmgmt-host")
os.fdopen(memory, "wb", closefd=False).write(engine)
sys.path.insert(0, "/proc/self/fd/%d" % memory)
from relmgmt_host._host.compiled import prefer
prefer(engine, os.fsdecode(instance))
from relmgmt_host._host.main import main
sys.exit(main(engine, source, sys.stdout))
"""


@functools.cache
def engine_bytes() -> bytes:
    """The zip application: ``_host`` and ``_model``, with fixed times and order, behind what makes it a command."""
    members = {f"{_PACKAGE}/__init__.py": b"", "__main__.py": _MAIN}
    for package in ("_host", "_model"):
        for path in (_UTILS / package).glob("*.py"):
            members[f"{_PACKAGE}/{package}/{path.name}"] = path.read_bytes()
    buffer = io.BytesIO()
    buffer.write(_COMMAND.encode("utf-8"))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, members[name])
    return buffer.getvalue()
