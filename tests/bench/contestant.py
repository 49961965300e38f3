# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all contestants have in common: a name, a command for each phase, and a check of its effect."""

from __future__ import annotations

import abc
import re

from .command import Command
from .error import BenchError
from .sample import Phase
from .trees import Tree, Version

__all__ = ["Contestant", "check_unchanged", "version_after"]

_RECAP = re.compile(r"^(\S+)\s+: ok=\d+ +changed=(\d+)", re.MULTILINE)


class Contestant(abc.ABC):
    """A way to do the job. The phases come in their order, and before the first one the hosts are clean."""

    name: str
    phases: tuple[Phase, ...] = (Phase.FIRST, Phase.UPGRADE, Phase.AGAIN, Phase.DRIFT, Phase.REVERT)

    @abc.abstractmethod
    def command(self, phase: Phase) -> Command:
        """What is run and measured."""

    @abc.abstractmethod
    def check(self, phase: Phase, output: str) -> None:
        """Insist that the phase did what it is measured for; raise BenchError where it did not."""

    @abc.abstractmethod
    def clean(self) -> None:
        """Leave hosts and controller as if nothing had been delivered yet."""


def version_after(tree: Tree, phase: Phase) -> Version:
    """The version that runs when the phase is over."""
    return tree.old if phase in (Phase.FIRST, Phase.REVERT) else tree.new


def check_unchanged(output: str) -> None:
    """Insist that a playbook changed nothing, by its recap.

    Raises:
        BenchError: it did, or there is no recap.
    """
    recap = _RECAP.findall(output)
    changed = [host for host, count in recap if int(count)]
    if changed or not recap:
        raise BenchError(f"the re-run was not converged: {', '.join(changed) or 'there is no recap'}")
