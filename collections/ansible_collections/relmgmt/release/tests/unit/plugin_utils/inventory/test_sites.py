# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sites file: what it says, and what is refused, by file and line."""

from __future__ import annotations

import collections.abc
import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._inventory import fleet, groups, load, templates

Write = collections.abc.Callable[..., pathlib.Path]
ADDRESS = "{address: 192.0.2.1, vars: {port: 5232}}"

REFUSED: dict[str, tuple[tuple[str, str], str, str, str]] = {
    # what is wrong: (change, code, text of the line that is named, part of the message)
    "a key that is misspelt": (
        ('versions: {calendar/radicale: "3.8.3"}', "version: {}"),
        "sites-invalid",
        "version: {}",
        "did you mean 'versions'?",
    ),
    "a host's key that is misspelt": (("address:", "adress:"), "sites-invalid", "adress:", "did you mean 'address'?"),
    "a version that is a number": (('"3.8.2"', "3.8"), "sites-invalid", "3.8}", "in quotes"),
    "a host's name with a space": (
        ("madrid-1:", "madrid 1:"),
        "sites-invalid",
        "madrid 1:",
        "'madrid 1' does not match",
    ),
    "a host's name that ends in a line break": (
        ("madrid-1:", '"madrid-1\\n":'),
        "sites-invalid",
        "madrid-1\\n",
        "does not match",
    ),
    "a package without a team": (
        ("packages: {calendar/radicale:", "packages: {radicale:"),
        "sites-invalid",
        "",
        "'radicale' does not match",
    ),
    "a variable that Ansible would not take": (
        ("{ntp: here}", "{n-t-p: here}"),
        "sites-invalid",
        "n-t-p",
        "does not match",
    ),
    "an environment that is not there": (
        ("{environment: staging}", "{environment: stageing}"),
        "environment-unknown",
        "stageing",
        "did you mean 'staging'?",
    ),
    "a site's environment that is not there": (
        ("    environment: prod\n    packages", "    environment: prd\n    packages"),
        "environment-unknown",
        "environment: prd",
        "did you mean 'prod'?",
    ),
    "a package that is not there": (
        ("docs/swagger-ui]\n    vars", "docs/swaggerui]\n    vars"),
        "package-unknown",
        "docs/swaggerui",
        "did you mean 'docs/swagger-ui'?",
    ),
    "a host's package that is not there": (
        ("          calendar/radicale: {main", "          calendar/radical: {main"),
        "package-unknown",
        "calendar/radical:",
        "did you mean",
    ),
    "a version of a package that is not there": (
        ('versions: {calendar/radicale: "3.9.0"}', 'versions: {a/b: "3.9.0"}'),
        "package-unknown",
        "a/b",
        "'a/b' is unknown",
    ),
    "a host in no environment": (
        ("madrid-1: {environment: prod}", "madrid-1:"),
        "host-without-environment",
        "madrid-1:",
        "madrid-1 belongs to no environment",
    ),
    "a host twice at a site": (
        ("berlin-2:", "berlin-1:"),
        "key-repeated",
        "berlin-1: {environment: staging}",
        "'berlin-1' is written twice",
    ),
    "a host at two sites": (
        ("madrid-1:", "berlin-1:"),
        "host-in-two-sites",
        "berlin-1: {environment: prod}",
        "berlin-1 is at berlin too",
    ),
    "a variable that is the file's own": (
        ("{ntp: here}", "{relmgmt_site: here}"),
        "variable-reserved",
        "relmgmt_site",
        "relmgmt_site cannot be set here",
    ),
    "a vaulted value": (("ntp: here", "ntp: !vault abc"), "sites-invalid", "!vault", "'abc' is read as"),
    "no mapping": (
        ("sites:\n  berlin", "sites: [x]\nx:\n  berlin"),
        "sites-invalid",
        "sites: [x]",
        "is not of type 'object'",
    ),
}


def line_of(path: pathlib.Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


@pytest.mark.parametrize(("change", "code", "line", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_by_file_and_line(
    write: Write, change: tuple[str, str], code: str, line: str, message: str
) -> None:
    path = write(change)
    with pytest.raises(RelmgmtError) as caught:
        fleet(load(path))
    assert caught.value.code == code
    assert message in str(caught.value)
    assert caught.value.hint
    if line:
        assert f"{path}:{line_of(path, line)}: " in str(caught.value)


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_its_lines(write: Write) -> None:
    path = write(("{environment: staging}", "{environment: x}"), ("madrid-1: {environment: prod}", "berlin-1:"))
    with pytest.raises(RelmgmtError) as caught:
        fleet(load(path))
    lines = [int(line.split(":")[1]) for line in caught.value.message.splitlines()]
    assert len(lines) == 3 and lines == sorted(lines)


def test_a_host_that_another_source_has_at_another_site_is_refused(write: Write) -> None:
    source = load(write())
    assert fleet(source, elsewhere={"berlin-1": "berlin", "other-1": "paris"}).items
    with pytest.raises(RelmgmtError, match="berlin-1 is at paris too, by another source"):
        fleet(source, elsewhere={"berlin-1": "paris"})


def test_a_file_without_sites_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "empty.sites.yml"
    path.write_text("plugin: relmgmt.release.sites\n")
    with pytest.raises(RelmgmtError) as caught:
        fleet(load(path))
    assert caught.value.code == "sites-missing"


def test_versions_come_from_the_host_its_site_or_its_environment(write: Write) -> None:
    packages = {item.host: item.packages for item in fleet(load(write())).items}
    assert packages == {
        "berlin-1": {"calendar/radicale": {"main": "3.8.3"}, "docs/swagger-ui": {"main": ""}},
        "berlin-2": {"calendar/radicale": {"main": "3.9.0"}, "docs/swagger-ui": {"main": ""}},
        "madrid-1": {"calendar/radicale": {"main": "3.8.2"}},
        "madrid-2": {"calendar/radicale": {"main": "3.8.3", "sandbox": "3.9.0"}},
        "madrid-3": {},
    }


def test_groups_are_those_of_sites_environments_and_packages(write: Write) -> None:
    made = groups(fleet(load(write())))
    assert {name: group.hosts for name, group in made.items() if group.hosts} == {
        "site_berlin": ["berlin-1", "berlin-2"],
        "site_madrid": ["madrid-1", "madrid-2", "madrid-3"],
        "env_prod": ["berlin-1", "madrid-1", "madrid-2", "madrid-3"],
        "env_staging": ["berlin-2"],
        "package_calendar_radicale": ["berlin-1", "berlin-2", "madrid-1", "madrid-2"],
        "package_docs_swagger_ui": ["berlin-1", "berlin-2"],
    }
    assert {name: group.children for name, group in made.items() if group.children} == {
        "sites": ["site_berlin", "site_madrid"],
        "environments": ["env_prod", "env_staging"],
        "packages": ["package_calendar_radicale", "package_docs_swagger_ui"],
    }
    assert made["sites"].variables == {"ansible_user": "deploy"}
    assert made["site_berlin"].variables == {"ntp": "here", "relmgmt_site": "berlin"}
    assert made["env_prod"].variables == {"stage": "late", "relmgmt_environment": "prod"}


def test_two_packages_that_would_be_one_group_are_refused(write: Write) -> None:
    name = (
        "packages: [calendar/radicale, docs/swagger-ui]\nenvironments",
        "packages: [calendar/radicale, docs/swagger-ui, docs-swagger/ui]\nenvironments",
    )
    found = fleet(
        load(
            write(
                name,
                (
                    "madrid-3: {environment: prod, packages: []}",
                    "madrid-3: {environment: prod, packages: [docs-swagger/ui]}",
                ),
            )
        )
    )
    with pytest.raises(RelmgmtError) as caught:
        groups(found)
    assert caught.value.code == "group-ambiguous"
    assert "docs/swagger-ui" in str(caught.value) and "docs-swagger/ui" in str(caught.value)


def test_values_that_look_like_templates_are_found(write: Write) -> None:
    path = write(("ntp: here", 'ntp: "{{ lookup(1) }}"'), ("stage: late", "stage: '{% set x %}'"))
    assert templates(load(path).data) == [("environments", "prod", "vars", "stage"), ("sites", "berlin", "vars", "ntp")]
    assert templates(load(write()).data) == []
    assert templates({"a": [0, "#jinja2: variable_start_string: '[%' {#"]}) == [("a", 1)]
