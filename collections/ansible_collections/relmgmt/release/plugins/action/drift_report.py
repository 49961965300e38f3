# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import pathlib
import typing as t

from ansible.utils.display import Display

from ..module_utils._model.errors import BackendError, ConflictError, InputError, RelmgmtError
from ..plugin_utils._access import access_of
from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._drift import FORMATS, SUFFIXES, Intent, against, intent_of, pinned, report, seen
from ..plugin_utils._files import write_text
from ..plugin_utils._registry import Registry, location, utc_now
from ..plugin_utils._secrets import NOT_ISSUED, Providers, resolve

Data = dict[str, t.Any]


class ActionModule(ControllerAction):
    """Say what of hosts is not as it was left there, and not as the record wants it."""

    def verb(self, params: Data, task_vars: Data) -> Data:
        path = self._file(params["file"])
        fleet = task_vars["hostvars"]
        infos = {host: plain(fleet[host].get(params["infos"]) or {}) for host in params["hosts"]}
        rows = self._recorded(params, fleet)
        store = self._store(rows, infos, params["secret_stores"]) if params["secrets"] else {}
        hosts = [
            _Host(host, str(fleet[host].get("relmgmt_site") or ""), info, host in rows, rows.get(host)).told(store)
            for host, info in sorted(infos.items())
        ]
        made = report(
            hosts,
            package=params["package"],
            environment=params["environment"],
            made=utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            detailed=self.diff_mode,
        )
        text = FORMATS[params["format"]](made)
        if path and not self.check_mode:
            write_text(path, FORMATS[SUFFIXES[path.suffix]](made))
        if params["show"]:
            Display().display(text)
        told = {"file": str(path or ""), **{name: made[name] for name in ("drifted", "unanswered")}}
        error = _verdict(made) if params["fail"] else None
        if error:
            return {**self.failure(error), **told}  # Ansible prints all of it, and the report has been shown
        result = {"changed": False, **told, "hosts": hosts, "report": made, "text": text}
        if self.diff_mode:
            result["diff"] = [_difference(host) for host in hosts if host["findings"]]
        return result

    def _file(self, file: str) -> pathlib.Path | None:
        """Where to write it to.

        Raises:
            InputError: its suffix names no form (``drift-format-unknown``).
        """
        if not file:
            return None
        path = self.path(file)
        if path.suffix not in SUFFIXES:
            raise InputError(
                "drift-format-unknown",
                f"{file}: a report is not written as {path.suffix or 'a file without suffix'}",
                hint=f"Let its name end in {', '.join(SUFFIXES)}.",
            )
        return path

    @staticmethod
    def _recorded(params: Data, fleet: t.Mapping[str, t.Any]) -> dict[str, Intent | None]:
        """Host → what the record wants it to have; without those that it does not know."""
        with Registry.open(location(params), write=False) as registry:
            plan = functools.cache(lambda rollout: registry.rollout(rollout)["plan"])
            return {
                row["host"]: intent_of(row, plan(row["rollout"]))
                for row in registry.last_seen(package=params["package"], environment=params["environment"])
                if row["host"] in params["hosts"]
                and row["instance"] == params["instance"]
                and row["environment"] == str(fleet[row["host"]].get("relmgmt_environment") or row["environment"])
            }

    def _store(self, rows: dict[str, Intent | None], infos: t.Mapping[str, Data], stores: object) -> dict[str, str]:
        """Reference → version that the store has now, of what plans pinned: hosts choose none of them."""
        wanted = {
            reference
            for host, intent in rows.items()
            for reference in (intent.secrets if intent else ())
            if reference in seen(infos[host]).versions
        }
        with Providers(access_of(self._loader, stores, issue=False)) as providers:
            found = resolve(wanted, providers=providers)
        return {reference: secret.version for reference, secret in found.items() if secret.version != NOT_ISSUED}


class _Host(t.NamedTuple):
    """One host: its site, what it said, whether the record knows it, what it is to have by that."""

    name: str
    site: str
    info: Data
    recorded: bool
    intent: Intent | None

    def told(self, store: t.Mapping[str, str]) -> Data:
        """As the report has it."""
        said, release = seen(self.info), self.info.get("release") or {}
        current = release.get("current") or {}
        own = list(said.findings)
        if not said.problem:
            own = against(self.intent, current, said, recorded=self.recorded) + own
            own += pinned(self.intent, said, store) if self.intent else []
        return {
            "host": self.name,
            "site": self.site,
            "version": str(current.get("version") or ("unknown" if said.problem else "absent")),
            "state": str(release.get("state") or "unreachable"),
            "findings": [finding.to_dict() for finding in own],
            "more": said.more,
            "problem": said.problem,
        }


def _difference(host: Data) -> Data:
    """As Ansible shows it: metadata alone."""
    sides = {
        side: "".join(f"{item['what']} {item['path']}: {item[key]}\n" for item in host["findings"])
        for side, key in (("before", "expected"), ("after", "found"))
    }
    return {"before_header": f"{host['host']}: as it was left", "after_header": f"{host['host']}: as it is", **sides}


def _verdict(made: Data) -> RelmgmtError | None:
    """Why the task fails: drift, or that nobody could say whether there is any."""
    if made["drifted"]:
        return ConflictError(
            "drift-found",
            f"{len(made['drifted'])} of {len(made['hosts'])} hosts have drifted: {', '.join(made['drifted'])}",
            hint="Roll the same version out again with -e relmgmt_drift_gate=repair, or find out who was there.",
        )
    if made["hosts"] and len(made["unanswered"]) == len(made["hosts"]):
        return BackendError(
            "drift-unknown",
            f"none of {len(made['hosts'])} hosts gave a certain answer",
            hint="The report says why, for each of them.",
        )
    return None
