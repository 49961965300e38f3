# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress as lines: one a step of a wave, one a verdict, and the end with what to do next (private)."""

from __future__ import annotations

import collections
import collections.abc

from ...module_utils._model import outcome
from .._safe_text import safe
from .events import Event, Judged, Planned, Said
from .run import WORDS, Run, Step
from .text import counted, hosts, named, took

__all__ = ["Lines", "head", "summary"]

_WAVES, _UNWELL = 8, 10  # waves and hosts that the end names
_ASIDE = {"none": "there already", "left_out": "left out", "unrehearsed": "left out, not rehearsed"}
_NEXT = {
    "succeeded": "",
    "failed": "mend the cause and run the same command again",
    "stopped": "decide: relmgmt.release.resume or relmgmt.release.revert, with relmgmt_rollout_id={id}",
    "frozen": "mend the cause and run the same command again, or roll a newer version forward",
    "": "run the same command again, it goes on where this ended; hosts that nobody confirms go back by themselves",
}
_VERDICTS = {outcome.PAUSE: "stopped"}  # every other one that ends a rollout: failed


class Lines:
    """Tells of a run, as it goes on, what is new. ``run`` is None while there is none."""

    def __init__(self) -> None:
        self.run: Run | None = None

    def on(self, event: Event, at: float) -> list[str]:
        """Take the event in; what there is to say of it."""
        if isinstance(event, Planned):
            self.run = Run(event, at)
            return [f"{head(self.run)} ({event.rollout['id']})", *aside(self.run)]
        run = self.run
        if run is None:
            return [event.text] if isinstance(event, Said) else []
        step = run.step
        run.apply(event, at)
        told = _step(run, step) if step is not None and step is not run.step else []
        if isinstance(event, Judged):
            final = step is None or step.name != "activate"
            told += _verdict(run, event, at) if final or event.verdict != outcome.CONTINUE else []
        elif isinstance(event, Said):
            told.append(event.text)
        return [f"[{took(at - run.began):>5}] {line}" for line in told]


def _step(run: Run, step: Step) -> list[str]:
    """What the step came to; nothing where it concerned nobody."""
    if not step.words:
        return []
    unwell = run.unwell()
    bad = [_with_reason(run, host) for host in step.words if host in unwell]
    counts = _counts(step.words.values())
    return [f"{_called(run, step.wave)}{step.name}: {counts}" + (f" ({named(bad)})" if bad else "")]


def _verdict(run: Run, event: Judged, at: float) -> list[str]:
    line = f"{_called(run, event.wave) or 'stage '}{event.verdict}: {event.reason}"
    if event.verdict != outcome.CONTINUE or not event.wave:
        return [line]
    left, bake = run.left(at), run.baking(at)
    open_waves = sum(wave.ended is None for wave in run.waves)
    if open_waves and left is not None:
        line += f"; {open_waves} {'wave' if open_waves == 1 else 'waves'} to go, about {took(left)}"
    return [line, f"bake for {took(bake)}"] if bake else [line]


def _called(run: Run, index: int) -> str:
    wave = run.wave(index)
    return f"{wave.name} ({index}/{len(run.waves)}) " if wave else ""


def _counts(words: collections.abc.Iterable[str]) -> str:
    found = collections.Counter(words)
    return counted({word: found[word] for word in (*WORDS, *sorted(set(found) - set(WORDS)))})


def head(run: Run) -> str:
    """What goes where, in a line."""
    about, sites = run.about, {run.sites[host] for host in run.words}
    places = f" at {len(sites)} sites" if len(sites) > 1 else ""
    what = f"{about['kind']} of {about['package']} {about['version']} to {about['environment']}"
    waves = f", {len(run.waves)} {'wave' if len(run.waves) == 1 else 'waves'}" if run.waves else ", nothing to do"
    what = f"check of {what}" if run.check else what
    return f"{what}: {hosts(len(run.words) or len(about['hosts']))}{places}{waves}"


def aside(run: Run) -> list[str]:
    """The hosts that nothing happens to, those named that are left out."""
    told = []
    for action, word in _ASIDE.items():
        here = run.aside.get(action, [])
        names = "" if action == "none" else f" ({named([_with_reason(run, host) for host in here])})"
        told += [f"{hosts(len(here))} {word}{names}"] if here else []
    return told


def summary(run: Run, at: float) -> list[str]:
    """The end: what came of it, how long waves took, who is not well, and what to do next."""
    about, closed = run.about, run.closed
    result = closed.result if closed else ""
    if closed and not result:
        result = _VERDICTS.get(run.verdict.verdict, "failed") if run.verdict else "failed"
    ended = closed.reason if closed and closed.reason else f"The {about['kind']} {about['id']} was not closed"
    told = [ended, f"took        {took(at - run.began)}"]
    if run.words:
        told.append(f"hosts       {_counts(run.words.values())}")
    spent = [
        f"{wave.name} {took(wave.ended - wave.began)}"
        for wave in run.waves
        if wave.ended is not None and wave.began is not None
    ]
    if spent:
        more = len(spent) - _WAVES
        told.append(f"waves       {', '.join(spent[:_WAVES])}{f' and {more} more' if more > 0 else ''}")
    unwell = run.unwell()
    told += [f"not well    {_with_reason(run, host)}" for host in list(unwell)[:_UNWELL]]
    if len(unwell) > _UNWELL:
        told.append(
            f"            and {len(unwell) - _UNWELL} more: relmgmt.release.rollout_info with rollout={about['id']}"
        )
    return told + [f"next        {line}" for line in _next(run, result) if line]


def _next(run: Run, result: str) -> list[str]:
    about = run.about
    step = _NEXT.get(result, _NEXT["failed"]).format(id=about["id"])
    if result != "succeeded":
        return [step]
    behind = run.unwell() or run.aside.get("left_out")
    return ["run the same command again when all hosts are well"] if behind else [step]


def _with_reason(run: Run, host: str) -> str:
    word, reason = run.words.get(host, ""), safe(run.reasons.get(host) or "")
    return f"{host}{f' {word}' if word else ''}{f': {reason}' if reason else ''}"
