# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write records for a CMDB: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._files import write_text
from ..plugin_utils._inventory import MAX_BYTES, cmdb_text, form_of, known, named, placed
from ..plugin_utils._registry import Registry, location
from ..plugin_utils._source import read_bounded

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        path, columns = self.path(params["path"]), named(params["columns"])
        form = form_of(path, params.get("format"))
        chosen = params["hosts"]
        hosts = placed(
            task_vars["hostvars"], chosen or task_vars["groups"]["all"], all_of_them=bool(chosen), plain=plain
        )
        with Registry.open(location(params), write=False) as registry:
            records = known(hosts, registry.last_seen())
        after = cmdb_text(records, form, columns)
        before = read_bounded(path, MAX_BYTES, what="CMDB file").decode(errors="replace") if path.exists() else ""
        if after != before and not self.check_mode:
            write_text(path, after)
        items = [record._asdict() for record in records]
        result = {"changed": after != before, "path": str(path), "configuration_items": items}
        return {**result, "diff": {"before": before, "after": after}} if self.diff_mode else result
