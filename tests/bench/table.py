# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results as a page for people: ratios first, the seconds they come from beside them."""

from __future__ import annotations

import collections.abc
import typing as t

from . import packaging
from .floor import Floor, Ping
from .ours import Ours
from .plain import Plain
from .results import Results
from .sample import HostCost, Phase
from .scenarios import Scenario

__all__ = ["page"]

_HEAD = """\
# Benchmarks

What a rollout costs, measured side by side in one run, on real hosts of one machine: each has systemd, sshd, an
address and a disk in memory. A ratio says how many times as long relmgmt takes: below 1 it is faster. Seconds are
medians, with the fastest and the slowest in brackets. In a clone of the repository, `make bench` measures anew and
writes this page; `python -m tests.bench --from .cache/bench/samples.json` prints it from the samples of the last run.

Machine: {machine}. Controller and hosts share it, so what a host computes delays all the others. The whole run took
{minutes:.0f} minutes.

- **relmgmt** is `relmgmt.release.rollout`, strategy `big_bang`, and `relmgmt.release.rollback`. Its cache begins empty:
  the first rollout of a version fetches it from the DML and verifies two signatures and every file. Health is asked for
  until it was good for one second, the default.
- **plain playbook** is `tests/bench/plain`: unarchive, templates, link, restart, uri, removal of old releases. Its
  archive is at hand on the controller. Nothing is verified or recorded, and one good answer of the service is enough.
- **floor** is `tar` and `ln` over one ssh a host, all hosts at once; its re-run is `ssh true`, its look for
  drift a `sha256sum` of the files of both versions. No service, no probe.
- **ansible ping** is `ansible all -m ping`, the least that Ansible needs to ask a host.

relmgmt and the plain playbook run the same service and ask the same question. Both use the same `ansible.cfg`: 20
forks, pipelining, and one shared connection a host that every command opens anew. They take turns, and hosts are clean
when one begins.
"""
_COSTS = """
Processor time and peak memory are the controller's: of the command with all that it started, ssh included, and of its
largest process. The rest is a host's, the median of all hosts: processor time of all that runs on it, commands that ran
there as root, and bytes that went in and out of its network card.
"""
_PACKAGING = """
## Packages

Build: `package_build` from a wheel, beside `tar | zstd -10` and a `sha256sum` of every file of the unpacked tree.
Fetch: `package_fetch` from the DML into an empty cache, with all signatures and digests verified, beside `cp -r` of the
package and of its unpacked files, which is what the cache holds then. relmgmt's figures include the start of Ansible.
"""
_JOB = (Phase.FIRST, Phase.UPGRADE, Phase.AGAIN, Phase.DRIFT, Phase.REVERT)
_NONE = "–"


def page(results: Results, scenarios: collections.abc.Sequence[Scenario]) -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD.format(machine=", ".join(results.machine.values()), minutes=results.seconds / 60)]
    measured = [scenario for scenario in scenarios if any(s.scenario == scenario.name for s in results.samples)]
    for scenario in measured:
        if scenario.hosts:
            parts += _job(results, scenario)
    parts += _growth(results, [scenario for scenario in measured if scenario.hosts])
    parts += _packages(results, [scenario for scenario in measured if not scenario.hosts])
    return "\n".join(parts)


def _job(results: Results, scenario: Scenario) -> list[str]:
    times = len(results.of(scenario.name, Ours.name, Phase.FIRST))
    number = f"median of {times}" if times > 1 else "measured once"
    others = (Plain.name, Floor.name, Ping.name)
    head = ["phase", *(f"÷ {name}" for name in others), *(f"{name}, s" for name in (Ours.name, *others))]
    rows = [
        [
            phase,
            *(_times(results.ratio(scenario.name, phase, Ours.name, name)) for name in others),
            *(_seconds(results, scenario.name, name, phase) for name in (Ours.name, *others)),
        ]
        for phase in _JOB
    ]
    title = f"\n## {scenario.title}, {number}\n"
    return [
        title,
        _tree(results, scenario),
        _table(head, rows),
        _said(results, scenario),
        _COSTS,
        _costs(results, scenario),
    ]


def _tree(results: Results, scenario: Scenario) -> str:
    figures = results.trees[scenario.tree.name]
    return f"{figures.files:,} files, {figures.size / 1e6:.0f} MB; {figures.changed:,} files are new or differ.\n"


def _said(results: Results, scenario: Scenario) -> str:
    """In words, where relmgmt is faster and where it is slower than the plain playbook."""
    ratios = {phase: results.ratio(scenario.name, phase, Ours.name, Plain.name) for phase in _JOB}
    faster = [phase for phase, ratio in ratios.items() if ratio is not None and ratio < 1]
    slower = [phase for phase, ratio in ratios.items() if ratio is not None and ratio >= 1]
    return f"Faster than the plain playbook: {_listed(faster)}. Not faster: {_listed(slower)}."


def _listed(phases: collections.abc.Sequence[Phase]) -> str:
    return ", ".join(phases) or "nothing"


def _costs(results: Results, scenario: Scenario) -> str:
    head = ["phase", "contestant", "processor, s", "memory, MiB"]
    head += ["host: processor, s", "commands", "received, KiB", "sent, KiB"]
    rows = []
    for phase in _JOB:
        for name in (Ours.name, Plain.name, Floor.name, Ping.name):
            if results.of(scenario.name, name, phase):
                cpu = results.median(scenario.name, name, phase, lambda s: s.cost.cpu)
                peak = results.median(scenario.name, name, phase, lambda s: s.cost.peak / 1024)
                busy = results.per_host(scenario.name, name, phase, lambda cost: cost.cpu)
                hosts = [results.per_host(scenario.name, name, phase, pick) for pick in _PICKS]
                rows.append([phase, name, _number(cpu, 1), _number(peak), _number(busy, 2), *map(_number, hosts)])
    return _table(head, rows)


def _runs(cost: HostCost) -> int:
    return cost.runs


def _received(cost: HostCost) -> int:
    return cost.received >> 10


def _sent(cost: HostCost) -> int:
    return cost.sent >> 10


_PICKS = (_runs, _received, _sent)


def _growth(results: Results, scenarios: collections.abc.Sequence[Scenario]) -> list[str]:
    """How the time grows with the number of hosts, for trees that were measured on several."""
    parts = []
    for tree in dict.fromkeys(scenario.tree for scenario in scenarios):
        same = sorted((s for s in scenarios if s.tree == tree), key=lambda scenario: scenario.hosts)
        if len(same) < 2:
            continue
        rows = []
        for phase in _JOB:
            for name in (Ours.name, Plain.name, Floor.name):
                figures = [results.median(s.name, name, phase, lambda sample: sample.cost.seconds) for s in same]
                rows.append([phase, name, *(_number(figure, 1) for figure in figures)])
            ratios = [results.ratio(s.name, phase, Ours.name, Plain.name) for s in same]
            rows.append([phase, f"{Ours.name} ÷ {Plain.name}", *map(_times, ratios)])
        head = ["phase", "contestant", *(f"{scenario.hosts} hosts" for scenario in same)]
        parts += [f"\n## Growth: {tree.title}, seconds\n", _table(head, rows)]
    return parts


def _packages(results: Results, scenarios: collections.abc.Sequence[Scenario]) -> list[str]:
    if not scenarios:
        return []
    names = (packaging.OURS, packaging.SHELL)
    rows = []
    for scenario in scenarios:
        for phase in (Phase.BUILD, Phase.FETCH):
            ratio = _times(results.ratio(scenario.name, phase, *names))
            peaks = [results.median(scenario.name, name, phase, lambda s: s.cost.peak / 1024) for name in names]
            seconds = [_seconds(results, scenario.name, name, phase) for name in names]
            what = f"{scenario.tree.name} {scenario.tree.new.number}"
            times = str(len(results.of(scenario.name, packaging.OURS, phase)))
            rows.append([what, phase, times, ratio, *seconds, *map(_number, peaks)])
    head = ["package", "step", "times", f"÷ {names[1]}", *(f"{n}, s" for n in names), *(f"{n}, MiB" for n in names)]
    return [_PACKAGING, _table(head, rows)]


def _table(head: collections.abc.Sequence[str], rows: collections.abc.Iterable[collections.abc.Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _seconds(results: Results, scenario: str, contestant: str, phase: Phase) -> str:
    """The median, and the range it comes from."""
    found = sorted(sample.cost.seconds for sample in results.of(scenario, contestant, phase))
    median = results.median(scenario, contestant, phase, lambda sample: sample.cost.seconds)
    if median is None:
        return _NONE
    return f"{median:.2f}" if len(found) == 1 else f"{median:.2f} ({found[0]:.2f}–{found[-1]:.2f})"


def _times(ratio: float | None) -> str:
    return _NONE if ratio is None else f"**{ratio:.2f}**"


def _number(value: t.SupportsFloat | None, digits: int = 0) -> str:
    return _NONE if value is None else f"{float(value):,.{digits}f}"
