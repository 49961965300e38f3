# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how long it takes to check the configuration of a fleet and to render its profiles, without any host.

Besides the time on the clock, the processor time of the controller and of the children that work on what packages bring
is told: it does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import collections.abc
import cProfile
import json
import pathlib
import pstats
import resource
import tempfile
import time
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import HostInput, Scope, make_profiles
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Access

PACKAGE = "bench/profiles"
TEMPLATE = """# {{ relmgmt.host }} {{ relmgmt.site }}
{% for key, value in config.sections.items() %}
[{{ key }}]
level = {{ value.level }}
path = {{ relmgmt.state.data }}/{{ value.path }}
{% endfor %}
"""
SECTION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "level": {"enum": ["info", "debug"], "default": "info", "x-relmgmt-restart": "reload"},
        "path": {"type": "string", "minLength": 1},
        "size": {"type": "integer", "minimum": 1, "default": 10},
    },
}


def manifest_in(directory: pathlib.Path, *, templates: int, secrets: int) -> Manifest:
    """The package's configuration, in the directory, and its manifest; each secret stands in one of the files."""
    names = [f"secret_{number}" for number in range(secrets)]
    schema = {"type": "object", "properties": {"sections": {"additionalProperties": SECTION}}}
    files = {"config.schema.json": json.dumps(schema)}
    for number in range(templates):
        lines = "".join(f"{name} = {{{{ secrets.{name} }}}}\n" for name in names[number::templates])
        files[f"{number}.ini.j2"] = TEMPLATE + lines
    (directory / "config").mkdir()
    entries = []
    for path, text in files.items():
        (directory / "config" / path).write_text(text)
        entries.append({"path": path, "mode": "0644", "size": len(text), "digest": digest_of(text.encode())})
    blob = {"digest": digest_of(b""), "size": 0}
    unit = {"name": "config", "kind": "files", "destination": "config", "blob": blob, "entries": entries}
    made = [{"source": f"{number}.ini.j2", "destination": f"{number}.ini"} for number in range(templates)]
    config = {"schema": "config.schema.json", "templates": made, "secrets": names, "unit": unit}
    about: dict[str, t.Any] = {"versioning": "semver", "type": "minor", "owner": "tests", "activation": "restart"}
    runtime = {"probes": [{"name": "web", "kind": "http", "url": "http://127.0.0.1:80/{{ relmgmt.host }}"}]}
    parts = {"units": [], "state": [{"name": "data"}], "runtime": runtime, "about": {}, "config": config}
    return Manifest.from_dict({"format": 1, "name": PACKAGE, "version": "1.0.0", **about, **parts})


def fleet(hosts: int, secrets: int) -> dict[str, HostInput]:
    """Hosts with values in three layers."""
    bound = {f"secret_{number}": f"env:SECRET_{number}" for number in range(secrets)}
    info = {"host": {"root": {"path": "/srv/relmgmt"}, "python": {"executable": "/usr/bin/python3"}}}
    sections = {f"section_{number}": {"path": f"p{number}"} for number in range(10)}
    found = {}
    for number in range(hosts):
        site = {"sections": {"section_0": {"level": "debug", "size": number % 9 + 1}}}
        found[f"ci-{number:04}"] = HostInput(
            f"site-{number % 3}",
            {
                "relmgmt_config__10_all": {PACKAGE: {"sections": sections}},
                "relmgmt_config__50_site": {PACKAGE: site},
                "relmgmt_config": {PACKAGE: {"sections": {f"own_{number}": {"path": "own"}}}},
                "relmgmt_secrets": {PACKAGE: bound},
            },
            {},
            info,
        )
    return found


def refuse(path: pathlib.Path) -> object:
    raise AssertionError(f"{path} was read")


def main(arguments: collections.abc.Sequence[str] | None = None) -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profiles", description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--templates", type=int, default=5)
    parser.add_argument("--secrets", type=int, default=20)
    parser.add_argument("--profile", action="store_true", help="show where the controller's part of the time goes")
    options = parser.parse_args(arguments)
    environ = {f"SECRET_{number}": f"value of {number}" for number in range(options.secrets)}
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory(prefix="relmgmt-bench-") as place:
        directory = pathlib.Path(place)
        manifest = manifest_in(directory, templates=options.templates, secrets=options.secrets)
        hosts = fleet(options.hosts, options.secrets)
        access = Access(refuse, directory, environ)
        started = time.monotonic()
        if options.profile:
            profiler.enable()
        made = make_profiles(manifest, directory, hosts, Scope("prod", "main"), access)
        profiler.disable()
        taken = time.monotonic() - started
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{len(made)} hosts x {options.templates} templates x {options.secrets} secrets: {taken:.1f} s on the clock")
    print(f"processor time: controller {own.ru_utime + own.ru_stime:.1f} s (its start included), ", end="")
    print(f"children {children.ru_utime + children.ru_stime:.1f} s")
    if options.profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(35)


if __name__ == "__main__":
    main()
