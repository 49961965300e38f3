# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command says to people: what is, what was done, what to do next (private)."""

from __future__ import annotations

import typing as t

from .._model import outcome
from .info import adopted
from .instance import Instance
from .status import ABSENT, DRIFTED, Answer

__all__ = ["Call", "became", "confirmed", "log", "one", "reverted", "table", "thawed", "verified", "way"]

Event = t.Mapping[str, t.Any]
Call = t.Callable[[str], str]  # how to call this command for the instance: of the verb, what to type

_WIDTH = 14
# What is said of the deployment where confirming it did something, and where not.
_CONFIRMS = {
    outcome.CONFIRMED: ("is final now, and stays", "was final before; nothing was changed"),
    outcome.REVERTED: (
        "was not healthy any more, and was taken back now",
        "was taken back before; too late to confirm it",
    ),
    outcome.FAILED: ("is not well", "is not well; nothing was changed"),
    outcome.PROVISIONAL: ("is not final yet", "could not be asked whether it is well, and is not final yet"),
}
_COLUMNS = ("INSTANCE", "STATE", "VERSION", "DEPLOYMENT", "SERVICE", "TRAFFIC", "NOTE")


def one(answer: Answer, call: Call) -> str:
    """The state of one instance."""
    lines = [_headline(answer)]
    if _goes_by_itself(answer):
        lines.append(_row("goes back", _goes_back(answer)))
    lines.append(_row("service", answer["service"]))
    if answer["traffic"]:
        lines.append(_row("traffic", answer["traffic"]))
    if answer["frozen"]:
        lines.append(_row("FROZEN", _frozen(answer)))
    lines.append(_row("way back", _way_back(answer)))
    if answer["last"]:
        lines.append(_row("last", event(answer["last"], {})))
    lines.append(_row("lies at", answer["path"]))
    lines += [_row("PROBLEM", problem) for problem in answer["problems"]]
    return "\n".join([*lines, "", *_advice(answer, call)])


def table(answers: t.Sequence[Answer], typed: str) -> str:
    """The states of several instances, one a line."""
    rows = [_COLUMNS, *(_cells(answer) for answer in answers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]).rstrip() for row in rows]
    return "\n".join([*lines, "", f"More about one, and what to do: {typed} status INSTANCE"])


def confirmed(answer: Answer) -> str:
    """What came of a confirm."""
    acted, idle = _CONFIRMS.get(answer["outcome"], ("is not there to be confirmed",) * 2)
    did = "to" in answer if answer["outcome"] == outcome.REVERTED else answer["changed"]
    text = "{}: deployment {} {}".format(answer["outcome"].upper(), answer["deployment"], acted if did else idle)
    return _outcome(text, answer, why=answer["outcome"] != outcome.CONFIRMED)


def reverted(answer: Answer) -> str:
    """What came of a revert."""
    where = _deployment(answer["target"]) if answer["target"] else _nothing(answer["status"]["adopted"])
    if "awaits" in answer:
        return f"The host is started anew now; that takes it back to {where}."
    if not answer["done"]:
        return _outcome(f"NOT DONE: it was to go back to {where}", answer, why=True)
    text = f"REVERTED: back on {where}" if answer["changed"] else f"Nothing was done: it already is back on {where}"
    return _outcome(text, answer, why=False)


def thawed(answer: Answer) -> str:
    """What came of a thaw."""
    did = "THAWED: ways lead behind deployment {deployment} again".format(**answer)
    return _outcome(did if answer["changed"] else "Nothing was done: it is not frozen", answer, why=False)


def way(instance: Instance, left: Answer | None, target: Answer | None, drains: str) -> str:
    """What a revert is going to do."""
    lines = [
        f"{instance.package} ({instance.name}) goes back",
        _row("from", _known(left)),
        _row("to", _deployment(target) if target else _nothing(adopted(instance), what="the service is stopped")),
    ]
    if drains:
        lines.append(_row("traffic", f"the host {drains} first"))
    return "\n".join(lines)


def became(answer: Answer, known: Answer | None, events: t.Sequence[Event]) -> str:
    """What became of one deployment."""
    version = "version {version}".format(**known) if known else "not known here"
    lines = [
        "{package} ({instance}): deployment {deployment} is ".format(**answer) + f"{answer['state'].upper()}, {version}"
    ]
    return "\n".join([*lines, *(_row("", event(item, {})) for item in events)])


def verified(answer: Answer, call: Call) -> str:
    """What a verification found."""
    lines = [_headline(answer)]
    for check in answer["checks"]:
        mark = "ok" if check["ok"] else "warning" if check["warns"] else "DIFFERS"
        lines.append(_row(mark, check["what"]))
        lines += [_row("", difference) for difference in check["differs"]]
    lines.append("")
    if answer["state"] == DRIFTED:
        lines.append("What to do:")
        lines.append(_row("mend it", "run the same rollout again from the controller: it replaces what is not whole"))
        lines.append(_row("go back", f"{call('revert')}, if the way back is whole"))
    else:
        lines.append("Nothing differs." if answer["checks"] else "There is nothing to verify.")
    return "\n".join(lines)


def log(events: t.Sequence[Event], shown: int) -> str:
    """The last lines of the journal; shown: how many."""
    versions = {item["deployment"]: item["version"] for item in events if item["event"] == "staged"}
    earlier = len(events) - shown
    lines = [f"... {earlier} earlier; '--lines 0' shows all"] if earlier else []
    lines += [event(item, versions) for item in events[earlier:]]
    return "\n".join(lines) if lines else "The journal is empty: nothing was ever staged."


def event(item: Event, versions: t.Mapping[int, str]) -> str:
    """One line of the journal."""
    at = str(item.get("at", "")).replace("T", " ").replace("Z", " UTC")
    text = f"{at}  {item['event']:<11}  {_subject(item, versions)}"
    reason = " ".join(str(item.get("reason") or "").split())
    return f"{text}: {reason}" if reason else text


def _subject(item: Event, versions: t.Mapping[int, str]) -> str:
    def named(number: t.Any) -> str:
        return "absent" if number == 0 else f"{number} ({versions[number]})" if number in versions else str(number)

    if item["event"] == "switch":
        return "{}: {} -> {}".format(item["verb"], named(item["from"]), named(item["to"]))
    if item["event"] == "replaces":
        return f"deployment 0 is the package {item['package']}"
    if item["event"] == "replaced":
        return f"{item['by']} has taken its place"
    if item["event"] == "resumed":
        return "it is in its place again"
    if item["event"] == "adopted":
        return "deployment 0 is " + ("what runs here" if item["record"] else "absent")
    if item["event"] == "pruned":
        return "deployments " + (", ".join(map(str, item["deployments"])) or "none")
    if item["event"] == "staged":
        return "deployment {} (version {})".format(item["deployment"], item["version"])
    if item["event"] == "frozen":
        return "at deployment " + named(item["deployment"])
    if item["event"] == "thawed":
        return "ways lead back again"
    if item["event"] in ("resealing", "resealed"):
        numbers = sorted(map(int, item["profiles" if "profiles" in item else "deployments"]))
        held = ", ".join(map(named, numbers)) or "none"
        return f"deployment {held} with the secrets of deployment {named(item['deployment'])}"
    if item["event"] in ("migrating", "migrated"):
        return f"{item['database']}: {_migration(item)}, by deployment {named(item['deployment'])}"
    text = "deployment " + named(item.get("deployment", "?"))
    if "to" in item:
        text += " -> " + named(item["to"])
    return text + (", stands on " + named(item["stands"]) if "stands" in item else "")


def _migration(item: Event) -> str:
    if item["event"] == "migrating":
        return "{direction} from {from!r} to {to!r}".format(**item)
    return "unknown" if item["version"] is None else repr(item["version"])


def _headline(answer: Answer) -> str:
    current = answer["current"] or {"version": "-", "deployment": 0}
    return "{} ({}): {}, version {}, deployment {}".format(
        answer["package"], answer["instance"], answer["state"].upper(), current["version"], current["deployment"]
    )


def _deployment(about: Answer) -> str:
    return "deployment {deployment} (version {version})".format(**about)


def _known(about: Answer | None) -> str:
    if not about:
        return "none"
    resealed = f", with the secrets of deployment {about['resealed']}" if about.get("resealed") else ""
    return f"{_deployment(about)}, {about['status']}{resealed}"


def _nothing(adopted: Answer | None, *, what: str = "") -> str:
    """What deployment 0 is. what: becomes of ours where it is ``absent``."""
    if adopted is None:
        return f"'absent': {what}, and nothing runs" if what else "'absent'"
    return f"what ran here before, {_units(adopted)}"


def _units(adopted: Answer) -> str:
    if adopted.get("replaced"):
        return "{package} {version}".format(**adopted["replaced"])
    return ", ".join(unit["unit"] for unit in adopted["units"])


def _goes_by_itself(answer: Answer) -> bool:
    return answer["seconds_left"] is not None and answer["guarded"] is not False


def _goes_back(answer: Answer) -> str:
    to = _deployment(answer["previous"]) if answer["previous"] else _nothing(answer["adopted"])
    return f"{_back_in(answer)} by itself, to {to}, unless it is confirmed before"


def _back_in(answer: Answer) -> str:
    seconds = int(answer["seconds_left"])
    return f"in {seconds} s" + (f" ({seconds // 60} min)" if seconds > 120 else "") if seconds else "at any moment"


def _way_back(answer: Answer) -> str:
    if _stays(answer):
        return "none"
    if answer["current"] and not answer["previous"] and answer["adopted"]:
        return _nothing(answer["adopted"])
    return _known(answer["previous"])


def _frozen(answer: Answer) -> str:
    """What that means for the one who reads it."""
    open_yet = _stays(answer) and answer["state"] != outcome.CONFIRMED
    stays = "; what runs stays, and is final when it is healthy" if open_yet else ""
    return "nothing goes back behind deployment {frozen_at}: {frozen}".format(**answer) + stays


def _stays(answer: Answer) -> bool:
    """Whether what is current cannot be left for what was there before it."""
    current, previous = (answer[name] or {"deployment": 0} for name in ("current", "previous"))
    return bool(previous["deployment"] < answer["frozen_at"] <= current["deployment"])


def _advice(answer: Answer, call: Call) -> list[str]:
    if _stays(answer) and answer["state"] != outcome.CONFIRMED:
        keep = [_row("keep it", call("confirm"))] if answer["state"] == outcome.PROVISIONAL else []
        look = [_row("look closer", call("verify")), _row("what happened", call("log"))]
        forward = _row("mend it", "roll a release forward that knows the database as it is")
        thaw = _row("go back", f"restore the database to what it was before; then {call('thaw --reason ...')}")
        return ["What to do:", *keep, *look, forward, thaw]
    if answer["state"] == outcome.PROVISIONAL:
        return ["What to do:", _row("keep it", call("confirm")), _row("go back now", call("revert"))]
    if answer["state"] in (outcome.FAILED, outcome.UNKNOWN) or answer["problems"]:
        look = [_row("look closer", call("verify")), _row("what happened", call("log"))]
        return ["What to do:", *look, _row("go back", call("revert"))]
    if answer["state"] == outcome.REPLACED:
        return ["{replaced} has taken its place. Nothing has to be done.".format(**answer)]
    if answer["state"] == outcome.ADOPTED and (answer["adopted"] or {}).get("replaced"):
        return [f"What runs here is the package {_units(answer['adopted'])}. Nothing has to be done."]
    if answer["state"] == outcome.ADOPTED:
        return [f"What runs here was not installed by relmgmt: {_units(answer['adopted'])}. Nothing has to be done."]
    if answer["state"] == ABSENT:
        return ["Nothing runs here. What happened:", _row("", call("log"))]
    return ["Nothing has to be done."]


def _cells(answer: Answer) -> tuple[str, ...]:
    current = answer["current"] or {"version": "-", "deployment": "-"}
    note = answer["problems"][0] if answer["problems"] else ""
    if _goes_by_itself(answer):
        note = f"goes back {_back_in(answer)}" + (f"; {note}" if note else "")
    name, traffic = "{package}/{instance}".format(**answer), answer["traffic"] or "-"
    return (
        *(name, answer["state"].upper(), current["version"], str(current["deployment"])),
        *(answer["service"], traffic, note.split("\n")[0]),
    )


def _outcome(text: str, answer: Answer, *, why: bool) -> str:
    lines = [text + "."]
    if answer.get("recovered"):
        lines.append(_row("before it", answer["recovered"]))
    if why and answer.get("reason"):
        lines.append(_row("why", answer["reason"]))
    for probe in answer.get("probes") or ():
        state = "green" if probe["healthy"] else f"red: {probe['reason']}"
        lines.append(_row("probe", f"{probe['name']} is {state}"))
    return "\n".join(lines)


def _row(name: str, text: str) -> str:
    first, *more = str(text).rstrip().split("\n")
    return "\n".join([f"  {name:<{_WIDTH}}{first}", *(" " * (_WIDTH + 2) + line for line in more)])
