# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input in release.yml: named by file, line and key, with a next step, and nothing half done."""

from __future__ import annotations

import collections.abc
import copy
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import build

Write = collections.abc.Callable[..., pathlib.Path]
Change = collections.abc.Callable[[dict[str, t.Any]], object]


def refused(path: pathlib.Path) -> RelmgmtError:
    """The error of building it; nothing may have been written."""
    output = path.parent.parent / "out"
    with pytest.raises(RelmgmtError) as caught:
        build(path, output)
    assert sorted(entry.name for entry in output.parent.iterdir()) == [path.parent.name]
    assert caught.value.hint
    return caught.value


def _line(path: pathlib.Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), start=1) if text in line)


def migrating(*steps: dict[str, t.Any], **about: t.Any) -> Change:
    """A migration with these steps, each of which is a step with other keys."""
    made = [{"phase": "expand", "to": "b", "up": ["true"], "down": ["true"], **step} for step in steps]
    made = [{key: value for key, value in step.items() if value is not None} for step in made]
    migration = {"database": "shop", "current": ["true"], "from": "a", "steps": made, **about}
    return lambda release: release.update(migrations=[*release.get("migrations", ()), migration])


def twice(change: Change) -> Change:
    return lambda release: (change(release), change(release))


CASES: dict[str, tuple[Change, str, str, str]] = {
    # what is wrong: (change, code, text of the line that is named, part of the message)
    "an unknown key": (
        lambda r: r.update(ovner="me"),
        "release-invalid",
        "ovner: me",
        "'ovner' was unexpected, did you mean 'owner'?",
    ),
    "a missing key": (lambda r: r.pop("owner"), "release-invalid", "format: 1", "'owner' is a required property"),
    "a version that is a number": (lambda r: r.update(version=1.2), "release-invalid", "version: 1.2", "in quotes"),
    "a name without a team": (lambda r: r.update(name="shop"), "release-invalid", "name: shop", "name: 'shop'"),
    "a type that is none": (lambda r: r.update(type="patch"), "release-invalid", "type: patch", "'emergency'"),
    "no unit": (lambda r: r.update(units=[]), "release-invalid", "units: []", "units"),
    "an unknown unit kind": (
        lambda r: r["units"][0].update(kind="rpm"),
        "release-invalid",
        "kind: rpm",
        "units.0.kind: 'rpm' is not one of",
    ),
    "an option of another kind": (
        lambda r: r["units"][0].update(tags=["py3-none-any"]),
        "release-invalid",
        "name: app",
        "'tags' was unexpected",
    ),
    "an archive without a digest": (
        lambda r: r["units"][0].update(kind="archive", source="a.tgz"),
        "release-invalid",
        "name: app",
        "'digest' is a required property",
    ),
    "a log probe that looks in two places": (
        lambda r: r.update(probes=[{"name": "log", "kind": "log", "path": "/a", "unit": "a.service", "pattern": "x"}]),
        "release-invalid",
        "name: log",
        "is valid under each of",
    ),
    "a secret with a fallback that is none": (
        lambda r: r["config"].update(secrets=[{"name": "token", "fallback": "guess"}]),
        "release-invalid",
        "fallback: guess",
        "config.secrets.0.fallback: 'guess' is not one of",
    ),
    "a secret that falls back to nothing": (
        lambda r: r["config"].update(secrets=[{"name": "token", "fallback": "default"}]),
        "release-invalid",
        "name: token",
        "'default' is a required property",
    ),
    "a secret with a default and no use of it": (
        lambda r: r["config"].update(secrets=[{"name": "token", "default": "x"}]),
        "release-invalid",
        "default: x",
        "config.secrets.0.default",
    ),
    "a secret that is asked for twice": (
        lambda r: r["config"].update(secrets=["token", {"name": "token", "fallback": "previous"}]),
        "secret-repeated",
        "",
        "a secret is named twice",
    ),
    "a placement of a file that no template becomes": (
        lambda r: r.update(placements=[{"kind": "tmpfiles", "file": "gone.conf", "name": "a.conf"}]),
        "placement-file-missing",
        "file: gone.conf",
        "no template becomes 'gone.conf'",
    ),
    "a placement by a name that nobody finds": (
        lambda r: r.update(placements=[{"kind": "tmpfiles", "file": "shop.ini", "name": "../a.conf"}]),
        "placement-malformed",
        "kind: tmpfiles",
        "nobody would find",
    ),
    "a drop-in for no unit": (
        lambda r: r.update(placements=[{"kind": "drop_in", "file": "shop.ini", "name": "a.conf"}]),
        "release-invalid",
        "kind: drop_in",
        "'unit' is a required property",
    ),
    "a version that semver does not parse": (
        lambda r: r.update(version="1.2"),
        "version-malformed",
        "version: '1.2'",
        "is not a semver version",
    ),
    "a version that pep440 does not parse": (
        lambda r: r.update(version="1.2-final-x", versioning="pep440"),
        "version-malformed",
        "version:",
        "pep440",
    ),
    "a version that calver does not parse": (
        lambda r: r.update(version="2026.13", versioning="calver"),
        "version-malformed",
        "version:",
        "calver",
    ),
    "a source that does not exist": (
        lambda r: r["units"][0].update(source="gone"),
        "file-missing",
        "source: gone",
        "units.0.source: 'gone'",
    ),
    "a source that climbs out": (
        lambda r: r["units"][0].update(source="../other"),
        "path-unsafe",
        "source: ../other",
        "'../other'",
    ),
    "a source that is absolute": (
        lambda r: r["units"][0].update(source="/etc"),
        "path-unsafe",
        "source: /etc",
        "'/etc'",
    ),
    "a destination that climbs out": (
        lambda r: r["units"][0].update(destination="../app"),
        "release-invalid",
        "destination: ../app",
        "'../app'",
    ),
    "a destination that is absolute": (
        lambda r: r["units"][0].update(destination="/app"),
        "release-invalid",
        "destination: /app",
        "'/app'",
    ),
    "two units at one destination": (
        lambda r: r["units"].append({**r["units"][0], "name": "second"}),
        "destination-repeated",
        "",
        "units.0.destination",
    ),
    "two units of one name": (
        lambda r: r["units"].append({**r["units"][0], "destination": "second"}),
        "unit-repeated",
        "",
        "units.1.name",
    ),
    "two templates at one destination": (
        lambda r: r["config"]["templates"].append(dict(r["config"]["templates"][0])),
        "destination-repeated",
        "",
        "shop.ini",
    ),
    "a template that is listed but absent": (
        lambda r: r["config"]["templates"][0].update(source="gone.j2"),
        "file-missing",
        "source: gone.j2",
        "gone.j2",
    ),
    "a template that climbs out": (
        lambda r: r["config"]["templates"][0].update(source="../x.j2"),
        "path-unsafe",
        "source: ../x.j2",
        "../x.j2",
    ),
    "a configuration file that climbs out": (
        lambda r: r["config"]["templates"][0].update(destination="../x"),
        "path-unsafe",
        "destination: ../x",
        "../x",
    ),
    "a schema that is absent": (
        lambda r: r["config"].update(schema="gone.json"),
        "file-missing",
        "schema: gone.json",
        "config.schema",
    ),
    "a state directory where a file lies": (
        lambda r: r["state"][0].update(path="app/run"),
        "destination-repeated",
        "path: app/run",
        "'run'",
    ),
    "a state directory below a file": (
        lambda r: r["state"][0].update(path="app/run/x"),
        "destination-repeated",
        "path: app/run/x",
        "'run/x'",
    ),
    "a state directory in no unit": (
        lambda r: r["state"][0].update(path="other/x"),
        "state-path-unknown",
        "path: other/x",
        "'other/x'",
    ),
    "two states of one name": (lambda r: r["state"].append({"name": "uploads"}), "state-repeated", "", "state.1"),
    "a string that is no template": (
        lambda r: r["service"]["command"].append("{{ config."),
        "template-invalid",
        "{{ config.",
        "service.command.1",
    ),
    "a traffic driver that there is not": (
        lambda r: r.update(traffic={"driver": "dns"}),
        "release-invalid",
        "driver: dns",
        "traffic.driver",
    ),
    "a traffic without a driver": (
        lambda r: r.update(traffic={"drain_time": 3}),
        "release-invalid",
        "traffic:",
        "driver",
    ),
    "a key that traffic does not have": (
        lambda r: r.update(traffic={"driver": "readiness_file", "pool": "a"}),
        "release-invalid",
        "pool:",
        "pool",
    ),
    "a drain time below zero": (
        lambda r: r.update(traffic={"driver": "readiness_file", "drain_time": -1}),
        "release-invalid",
        "drain_time: -1",
        "traffic.drain_time",
    ),
    "a readiness file named relative to something": (
        lambda r: r.update(traffic={"driver": "readiness_file", "path": "ready"}),
        "traffic-path-malformed",
        "traffic:",
        "absolute path",
    ),
    "a readiness file whose path climbs": (
        lambda r: r.update(traffic={"driver": "readiness_file", "path": "/srv/../etc/ready"}),
        "traffic-path-malformed",
        "traffic:",
        "absolute path",
    ),
    "a readiness file whose path is no template": (
        lambda r: r.update(traffic={"driver": "readiness_file", "path": "{{ relmgmt.root"}),
        "template-invalid",
        "relmgmt.root",
        "traffic.path",
    ),
    "an agent check without a port": (
        lambda r: r.update(traffic={"driver": "agent_check"}),
        "release-invalid",
        "traffic:",
        "port",
    ),
    "an activation that there is not": (
        lambda r: r.update(activation="reload"),
        "release-invalid",
        "activation: reload",
        "activation",
    ),
    "a reboot that nothing asks for": (
        lambda r: r.update(reboot={"timeout": 60}),
        "reboot-unused",
        "reboot:",
        "nothing starts the host anew",
    ),
    "a reboot by a shell": (
        lambda r: r.update(activation="reboot", reboot={"command": "systemctl reboot"}),
        "release-invalid",
        "systemctl reboot",
        "reboot.command",
    ),
    "phases in another order": (
        migrating({"phase": "contract"}, {"phase": "migrate", "to": "c"}),
        "migration-order",
        "database: shop",
        "migrations.0: migration of shop: its steps are not expand, then migrate, then contract",
    ),
    "a migration without a step": (migrating(), "release-invalid", "steps: []", "migrations.0.steps"),
    "a schema version that is named twice": (
        migrating({}, {"to": "b"}),
        "migration-version-repeated",
        "database: shop",
        "'b'",
    ),
    "a step that leads to where it begins": (migrating({"to": "a"}), "migration-version-repeated", "", "'a'"),
    "a step without a way back": (migrating({"down": None}), "migration-way-back", "database: shop", "to 'b'"),
    "a step that is irreversible and has a way back": (
        migrating({"irreversible": True}),
        "migration-way-back",
        "database: shop",
        "either 'down' or 'irreversible: true'",
    ),
    "a schema version of two words": (migrating({"to": "b c"}), "release-invalid", "to: b c", "steps.0.to"),
    "a schema version that is a template": (
        migrating({}, **{"from": "{{ config.schema }}"}),
        "release-invalid",
        "{{ config.schema }}",
        "migrations.0.from",
    ),
    "a phase that there is not": (migrating({"phase": "shrink"}), "release-invalid", "phase: shrink", "phase"),
    "two migrations of one database": (
        twice(migrating({})),
        "database-repeated",
        "",
        "migrations.1.database: 'shop' is already taken",
    ),
    "a migration command that is no template": (
        migrating({"up": ["{{ relmgmt.python"]}),
        "template-invalid",
        "'{{ relmgmt.python'",
        "migrations.0.steps.0.up.0",
    ),
    "a health that cannot be": (
        lambda r: r.update(health={"min_healthy_time": 9, "healthy_deadline": 3}),
        "health-impossible",
        "health:",
        "health",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_release_file_is_refused_for(case: str, release: dict[str, t.Any], write: Write) -> None:
    change, code, text, part = CASES[case]
    changed = copy.deepcopy(release)
    change(changed)
    path = write(**{**dict.fromkeys(release), **changed})
    error = refused(path)
    assert error.code == code
    assert part in error.message
    assert error.message.startswith(f"{path}:{_line(path, text)}:" if text else f"{path}:")


def test_placements_and_what_files_ask_for_go_into_the_manifest(write: Write, tmp_path: pathlib.Path) -> None:
    placement = {"kind": "tmpfiles", "file": "shop.ini", "name": "shop-{{ relmgmt.instance }}.conf"}
    template = {"source": "shop.ini.j2", "destination": "shop.ini", "on_change": "reload"}
    manifest = build(write(placements=[placement], config={"templates": [template]}), tmp_path / "out").manifest
    assert manifest.runtime["placements"] == [placement]
    assert manifest.config.templates[0].on_change == "reload"


def test_what_holds_for_secrets_goes_into_the_manifest(write: Write, tmp_path: pathlib.Path) -> None:
    secrets = [{"name": "id", "fallback": "default", "default": ""}, "token"]
    manifest = build(write(config={"secrets": secrets}), tmp_path / "out").manifest
    assert [need.fallback for need in manifest.config.needs.values()] == ["default", "fail"]
    assert manifest.to_dict()["config"]["secrets"] == secrets


def test_what_a_release_replaces_goes_into_the_manifest(
    release: dict[str, t.Any], write: Write, tmp_path: pathlib.Path
) -> None:
    assert refused(write(replaces=["team/before", release["name"]])).code == "replaces-itself"
    manifest = build(write(replaces=["team/before"]), tmp_path / "out").manifest
    assert manifest.runtime["replaces"] == ["team/before"]


def test_migrations_go_into_the_manifest(release: dict[str, t.Any], write: Write, tmp_path: pathlib.Path) -> None:
    irreversible = {"phase": "contract", "to": "c", "down": None, "irreversible": True}
    migrating({}, irreversible, environment={"LEVEL": 3})(release)
    (found,) = build(write(migrations=release["migrations"]), tmp_path / "out").manifest.migrations
    assert (found.versions, found.ready, found.environment) == (("a", "b", "c"), "b", (("LEVEL", "3"),))
    assert [(step.timeout, step.irreversible) for step in found.steps] == [(600, False), (600, True)]


RAW: dict[str, tuple[str, str, int, str]] = {
    "broken YAML": ("a: 1\nb: [1, 2\nc: 3\n", "release-not-yaml", 3, "not YAML"),
    "a key that is written twice": ("name: a/b\nowner: x\nname: c/d\n", "key-repeated", 3, "'name'"),
    "a date as a version": ("version: 2026-11-21\n", "release-invalid", 1, "2026-11-21"),
    "a tag that builds an object": ("a: 1\nname: !!python/object/apply:os.system [id]\n", "release-invalid", 1, "name"),
    "a document that is a list": ("- 1\n", "release-invalid", 1, "is not of type 'object'"),
    "nothing": ("", "release-invalid", 1, "is not of type 'object'"),
    "anchors that multiply": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{n}: &{n} [{', '.join(['*' + p] * 10)}]\n" for p, n in zip("abcdef", "bcdefg", strict=True)),
        "release-too-large",
        1,
        "too many",
    ),
}


@pytest.mark.parametrize("case", RAW)
def test_release_file_is_refused_for_being(case: str, project: pathlib.Path) -> None:
    text, code, line, part = RAW[case]
    path = project / "release.yml"
    path.write_text(text)
    error = refused(path)
    assert (error.code, part in error.message) == (code, True), error.message
    assert error.message.startswith(f"{path}:{line}:")


def test_release_file_that_is_absent_is_named(project: pathlib.Path) -> None:
    error = refused(project / "other.yml")
    assert error.code == "file-missing"
    assert str(project / "other.yml") in error.message


def test_all_problems_are_reported_at_once(write: Write) -> None:
    error = refused(write(owner=1, type="patch", colour="red"))
    assert [part in error.message for part in ("owner", "type", "colour")] == [True] * 3


SCHEMAS = {
    "not JSON": ('{\n"type": }', ":2: not JSON"),
    "no schema": ('{"type": "text"}', "$.type"),
    "of an older dialect": ('{"$schema": "http://json-schema.org/draft-07/schema#"}', "draft-07"),
    "with a keyword that is misspelt": (
        '{"properties": {"a": {"x-relmgmt-secert": true}}}',
        "/properties/a: x-relmgmt-secert is unknown",
    ),
    "with a keyword where nobody looks": ('{"anyOf": [{"x-relmgmt-restart": "none"}]}', "inside 'anyOf'"),
    "reaching out": ('{"properties": {"a": {"$ref": "https://example.net/a.json"}}}', "https://example.net/a.json"),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_configuration_schema_is_refused_for_being(case: str, project: pathlib.Path, write: Write) -> None:
    text, part = SCHEMAS[case]
    (project / "config.schema.json").write_text(text)
    error = refused(write())
    assert error.code == "schema-invalid"
    assert str(project / "config.schema.json") in error.message
    assert part in error.message


def test_template_with_a_broken_line_is_named_by_line(project: pathlib.Path, write: Write) -> None:
    (project / "shop.ini.j2").write_text("ok\n{% if %}\n")
    error = refused(write())
    assert error.code == "template-invalid"
    assert f"{project / 'shop.ini.j2'}:2:" in error.message


def test_output_in_its_own_source_is_refused(project: pathlib.Path, write: Write) -> None:
    with pytest.raises(RelmgmtError) as caught:
        build(write(), project / "src" / "out")
    assert caught.value.code == "output-inside-source"


def test_output_that_holds_something_else_is_left_alone(
    project: pathlib.Path, write: Write, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(RelmgmtError) as caught:
        build(write(), tmp_path / "out")
    assert caught.value.code == "output-foreign"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter.txt"]
