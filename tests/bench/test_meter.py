# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The meter, on commands whose cost is known."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.bench.command import Command, measure
from tests.bench.error import BenchError

METER = pathlib.Path(__file__).with_name("meter.py")
BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_seconds_and_processor_time_of_a_command() -> None:
    cost, output = measure(Command((sys.executable, "-I", "-S", "-c", f"{BURN}\nprint('done')")))
    assert output == "done\n"
    assert cost.cpu >= 0.3 and cost.seconds >= 0.3


def test_the_peak_is_that_of_the_largest_process() -> None:
    large = f"{sys.executable} -I -S -c 'x = bytearray(200 << 20)'"
    cost, _output = measure(Command(("bash", "-c", f"{large}; true")))
    assert 200 << 10 <= cost.peak < 300 << 10


def test_what_is_left_behind_is_counted_and_ended(tmp_path: pathlib.Path) -> None:
    script = f"import os\n{BURN}\nopen('pid', 'w').write(str(os.getpid()))\nimport signal\nsignal.pause()"
    (tmp_path / "left.py").write_text(script)
    wait = "until [ -s pid ]; do sleep 0.01; done"
    shell = f"cd {tmp_path}; (setsid {sys.executable} -I -S left.py >/dev/null 2>&1 &); {wait}"
    cost, _output = measure(Command(("bash", "-c", shell)))
    assert cost.cpu >= 0.3
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_exit_code_is_the_command_s(tmp_path: pathlib.Path, script: str, code: int) -> None:
    result = tmp_path / "result"
    done = subprocess.run([sys.executable, "-I", "-S", str(METER), str(result), "bash", "-c", script], check=False)
    assert done.returncode == code
    assert set(json.loads(result.read_text())) == {"seconds", "cpu", "peak"}


def test_a_failure_says_what_was_printed() -> None:
    with pytest.raises(BenchError, match=r"(?s)ended with 4.*no such luck"):
        measure(Command(("bash", "-c", "echo no such luck >&2; exit 4")))


def test_the_environment_is_the_command_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_FORKS", "1")
    _cost, output = measure(Command(("env",), {"ANSIBLE_CONFIG": "here"}))
    assert "ANSIBLE_CONFIG=here" in output and "ANSIBLE_FORKS" not in output
