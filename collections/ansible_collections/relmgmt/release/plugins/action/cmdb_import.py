# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a CMDB with what relmgmt knows: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._files import write_text
from ..plugin_utils._inventory import (
    DIFFERENT,
    MISSING_HERE,
    MISSING_THERE,
    Cmdb,
    adopt,
    compare,
    form_of,
    known,
    load_cmdb,
    named,
    placed,
    text_of,
)
from ..plugin_utils._registry import Registry, location

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        path, columns = self.path(params["path"]), named(params["columns"])
        cmdb = load_cmdb(path, form_of(path, params.get("format")), columns)
        hosts = placed(task_vars["hostvars"], task_vars["groups"]["all"], all_of_them=False, plain=plain)
        with Registry.open(location(params), write=False) as registry:
            found = compare(known(hosts, registry.last_seen()), cmdb)
        kinds = (MISSING_HERE, MISSING_THERE, DIFFERENT)
        counts = {kind: sum(one.kind == kind for one in found) for kind in kinds}
        shown = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items())
        return {
            "changed": False,
            "summary": f"{len(found)} difference{'' if len(found) == 1 else 's'}: {shown}",
            "counts": counts,
            "differences": [{**one._asdict(), "text": str(one)} for one in found],
            **(self._adopt(params, cmdb) if params.get("sites_file") else {}),
        }

    def _adopt(self, params: dict[str, t.Any], cmdb: Cmdb) -> dict[str, t.Any]:
        path = self.path(params["sites_file"])
        before, after = adopt(path, cmdb, remove=params["remove"])
        if before != after and not self.check_mode:
            write_text(path, text_of(after))
        diff = {"diff": {"before": text_of(before), "after": text_of(after)}} if self.diff_mode else {}
        return {"changed": before != after, **diff}
