# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sites file that says what a CMDB says (private)."""

from __future__ import annotations

import collections.abc
import copy
import pathlib
import typing as t

from ...module_utils._model.errors import InputError
from .. import _source
from .cmdb_file import Cmdb
from .record import NEWEST, Record
from .sites import document, fleet, load, wanted

__all__ = ["adopt", "text_of"]

PLUGIN = "relmgmt.release.sites"

Data = dict[str, t.Any]


def adopt(path: pathlib.Path, cmdb: Cmdb, *, remove: bool) -> tuple[Data, Data]:
    """The data of the sites file before and after; before is empty where there is no file.

    Hosts keep what the CMDB knows nothing of: address, variables, what their site says of them.

    Args:
        remove: whether hosts that the CMDB does not have are taken out.

    Raises:
        InputError: the file cannot be read, or what the CMDB says makes no sites file (``cmdb-incomplete``, and the
            codes of ``load`` and ``fleet``).
    """
    before: Data = dict(load(path).data) if path.exists() else {}
    if "registry" in before:
        message = f"{path} takes its hosts from the registry"
        raise InputError("sites-recorded", message, hint="Name a sites file that has sites, or one that is to be made.")
    after = copy.deepcopy(before) or {"plugin": PLUGIN, "packages": [], "environments": {}}
    after.setdefault("sites", {})
    hosts: dict[str, list[Record]] = {}
    for record in cmdb.records:
        hosts.setdefault(record.host, []).append(record)
    for host, records in hosts.items():
        _put(after, host, records, cmdb.fields)
    if remove:
        for site in after["sites"].values():
            site["hosts"] = {host: about for host, about in site["hosts"].items() if host in hosts}
    fleet(_source.check(path, after, document()))
    return before, after


def text_of(data: Data) -> str:
    """As a file has it."""
    return _source.text_of(data) if data else ""


def _put(data: Data, host: str, records: list[Record], fields: collections.abc.Container[str]) -> None:
    """Make the host stand where the CMDB has it, with the environment and the packages that it has there."""
    at, about = _find(data, host)
    site, environment = records[0].site or at, records[0].environment
    if not site:
        message = f"{host} has no site in the CMDB, and none in the sites file"
        raise InputError("cmdb-incomplete", message, hint="Give it one in the CMDB.")
    if site != at:
        about = _moved(data, host, at, about)
        place = data["sites"].setdefault(site, {"hosts": {}})
        place["hosts"][host] = about
    here = data["sites"][site]
    if environment and environment != about.get("environment", here.get("environment")):
        data.setdefault("environments", {}).setdefault(environment, {})
        about["environment"] = environment
        if here.get("environment") == environment:
            del about["environment"]
    if "package" in fields:
        _put_packages(data, here, about, records, fields)
    here["hosts"][host] = about


def _find(data: Data, host: str) -> tuple[str, Data]:
    """The site that has the host, and what is said of it there; no site if it is new."""
    for site, about in data["sites"].items():
        if host in about["hosts"]:
            return site, dict(about["hosts"][host] or {})
    return "", {}


def _moved(data: Data, host: str, site: str, about: Data) -> Data:
    """What is said of the host, with what its site said of it until now; it is taken out there."""
    if not site:
        return about
    left = data["sites"][site]
    del left["hosts"][host]
    return {**{name: copy.deepcopy(left[name]) for name in ("environment", "packages") if name in left}, **about}


def _put_packages(
    data: Data, site: Data, about: Data, records: list[Record], fields: collections.abc.Container[str]
) -> None:
    declared = wanted(about.get("packages", site.get("packages", [])))
    environment = about.get("environment", site.get("environment", ""))
    versions = ((data.get("environments") or {}).get(environment) or {}).get("versions", {})
    asked: dict[str, dict[str, str]] = {}
    for record in records:
        if not record.package or ("wanted" in fields and not record.wanted):
            continue
        said = declared.get(record.package, {}).get(record.instance, "")
        version = "" if record.wanted == NEWEST else record.wanted
        same = "wanted" not in fields or version == (said or versions.get(record.package, ""))
        asked.setdefault(record.package, {})[record.instance] = said if same else version
        if record.package not in data.setdefault("packages", []):
            data["packages"].append(record.package)
    if asked != declared:
        about["packages"] = asked
