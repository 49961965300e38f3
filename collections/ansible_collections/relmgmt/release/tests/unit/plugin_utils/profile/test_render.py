# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What packages may not do to a controller by their templates, and what a person is told."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.profile import Profile
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import Limits, render
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Secret

QUICK = Limits(step_seconds=0.3, wall_seconds=20.0)


def rendered(package: t.Any, **changes: t.Any) -> Profile:
    return render([package.request(**changes)], limits=QUICK)[0]


def text(profile: Profile) -> str:
    return profile.files[0].contents.decode()


def refused(package: t.Any, **changes: t.Any) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        rendered(package, **changes)
    return caught.value


FORBIDDEN = {
    "class": ("{{ ''.__class__ }}", "template-forbidden"),
    "class by subscript": ("{{ ''['__class__'] }}", "template-forbidden"),
    "class by filter": ("{{ [''] | map(attribute='__class__') | join }}", "template-forbidden"),
    "class of the configuration": ("{{ config.__class__.__mro__ }}", "template-forbidden"),
    "globals of a function": ("{{ range.__globals__ }}", "template-forbidden"),
    "globals of a method": ("{{ config.items.__self__ }}", "template-forbidden"),
    "str.format": ("{{ '{0.__class__}'.format(config) }}", "template-forbidden"),
    "str.format_map": ("{{ '{x.__class__}'.format_map({'x': 1}) }}", "template-forbidden"),
    "filter attr": ("{{ '' | attr('__class__') }}", "template-syntax"),
    "filter random": ("{{ [1, 2] | random }}", "template-syntax"),
    "change of a value": ("{{ config.update({'port': 1}) }}", "template-forbidden"),
    "change of a list": ("{% set x = [1] %}{{ x.append(2) }}", "template-forbidden"),
    "huge range": ("{% for i in range(10001) %}{% endfor %}", "template-forbidden"),
    "statement": ("{% do config.clear() %}", "template-syntax"),
    "lookup": ("{{ lookup('pipe', 'id') }}", "template-undefined"),
    "query": ("{{ query('env', 'HOME') }}", "template-undefined"),
    "hostvars": ("{{ hostvars['other'].ansible_password }}", "template-undefined"),
    "inventory variable": ("{{ inventory_hostname }}", "template-undefined"),
    "lipsum": ("{{ lipsum() }}", "template-undefined"),
    "unknown name": ("{{ nope }}", "template-undefined"),
    "unknown name as JSON": ("{{ nope | tojson }}", "template-undefined"),
    "unknown key": ("{{ config.prot }}", "template-undefined"),
    "unknown key in a list": ("{{ [config.prot] | join(',') }}", "template-undefined"),
    "absolute include": ("{% include '/etc/passwd' %}", "template-missing"),
    "include from above": ("{% include '../../etc/passwd' %}", "template-missing"),
    "include of the unlisted": ("{% include 'templates/unlisted.j2' %}", "template-missing"),
    "syntax": ("{{ config.port", "template-syntax"),
    "division": ("{{ 1 / 0 }}", "template-failed"),
    "null written out": ("{{ none }}", "template-failed"),
    "mapping written out": ("{{ config }}", "template-failed"),
    "method written out": ("{{ config.items }}", "template-failed"),
    "lone surrogate": ("{{ '\\ud800' }}", "template-failed"),
    "memory": ("{% set x = 'a' * 10 ** 12 %}", "template-too-large"),
    "long text": ("{{ 'a' * 2000000 }}", "template-too-large"),
    "many parts": ("{% for i in range(9999) %}{% for j in range(9999) %}{{ 'a' * 99 }}{% endfor %}{% endfor %}",
                   "template-too-large"),
    "recursion": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "template-endless"),
    "include of itself": ("{% include 'templates/app.ini.j2' %}", "template-endless"),
    "endless loop": ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
                     "template-endless"),
    "endless sum in C": ("{{ 9 ** (9 ** 9) > 1 }}", "template-endless"),
}  # fmt: skip


@pytest.mark.parametrize(("template", "code"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_template_is_refused_with_host_file_and_line(package: t.Any, template: str, code: str) -> None:
    (package.directory / "templates").mkdir(parents=True)
    (package.directory / "templates/unlisted.j2").write_text("unlisted")
    error = refused(package.template("port = {{ config.port }}\n" + template + "\n"))
    assert error.code == code
    place = "ci-ber-01: templates/app.ini.j2"
    unplaced = ("template-endless", "memory", "surrogate", "longer")
    assert place in error.message
    assert place + ":2: " in error.message or any(word in str(error.to_dict()) for word in unplaced)
    assert error.hint


def test_a_killed_child_is_blamed_on_the_template_and_host_it_was_at(package: t.Any) -> None:
    package.template("fine\n", "templates/a.j2")
    package.template("{% if config.loop %}" + FORBIDDEN["endless loop"][0] + "{% endif %}", "templates/b.j2")
    requests = [package.request(f"ci-ber-0{i}", config={"loop": i == 3}) for i in range(5)]
    with pytest.raises(RelmgmtError, match="ci-ber-03: templates/b.j2: not done within 0.3 s") as caught:
        render(requests, limits=QUICK)
    assert caught.value.code == "template-endless"


def test_the_wall_clock_ends_it_too(package: t.Any) -> None:
    package.template(FORBIDDEN["endless loop"][0])
    with pytest.raises(RelmgmtError, match="0.5 s in all") as caught:
        render([package.request()], limits=Limits(step_seconds=60, wall_seconds=0.5))
    assert caught.value.code in ("template-endless", "render-crashed")


def test_all_errors_of_all_hosts_are_told_each_once(package: t.Any) -> None:
    package.template("{{ nope }}", "templates/a.j2").template("\n{{ config.x }}", "templates/b.j2")
    package.runtime = {"service": {"driver": "command", "command": ["{{ gone }}"]}}
    with pytest.raises(RelmgmtError) as caught:
        render([package.request(f"ci-{i}") for i in range(8)], limits=QUICK)
    lines = caught.value.message.splitlines()
    assert lines == [
        "ci-0, ci-1, ci-2, ci-3, ci-4 and 3 more: templates/a.j2:1: 'nope' is undefined",
        "ci-0, ci-1, ci-2, ci-3, ci-4 and 3 more: templates/b.j2:2: 'dict object' has no attribute 'x'",
        "ci-0, ci-1, ci-2, ci-3, ci-4 and 3 more: release.yml: service.command[0]: 'gone' is undefined",
    ]


@pytest.mark.parametrize("template", ["{{ config[secrets.htpasswd] }}", "{% include secrets.htpasswd %}"])
def test_no_error_shows_a_secret(package: t.Any, secret: Secret, template: str) -> None:
    package.config["secrets"] = ["htpasswd"]
    error = refused(package.template(template), secrets={"htpasswd": secret})
    assert "tops3cret" not in str(error) + repr(error.to_dict()) + repr(package.request(secrets={"htpasswd": secret}))
    assert "***" in error.message


def test_an_error_in_an_included_file_names_that_file(package: t.Any) -> None:
    package.file("templates/part.j2", "\n\n{{ nope }}").template("{% include 'templates/part.j2' %}")
    assert "templates/part.j2:3: 'nope' is undefined" in refused(package).message


def test_a_template_changed_after_it_was_verified_is_refused(package: t.Any) -> None:
    package.template("good")
    (package.directory / "templates/app.ini.j2").write_text("evil")
    assert refused(package).code == "template-changed"


def test_runtime_sees_no_secrets(package: t.Any, secret: Secret) -> None:
    package.config["secrets"] = ["htpasswd"]
    package.runtime = {"probes": [{"kind": "http", "url": "http://localhost/{{ secrets.htpasswd }}"}]}
    error = refused(package, secrets={"htpasswd": secret})
    assert error.code == "template-undefined"
    assert "release.yml: probes[0].url: 'secrets' is undefined" in error.message
    assert "they see no secrets" in error.hint


def test_runtime_is_rendered_recursively_and_its_numbers_are_understood(package: t.Any) -> None:
    package.runtime = {
        "service": {"driver": "command", "command": ["{{ relmgmt.release }}/run", "-p", "{{ config.port }}"]},
        "probes": [{"kind": "tcp", "port": "{{ config.port }}"}, {"kind": "http", "status": ["{{ 200 + 1 }}"]}],
        "health": {"min_healthy_time": "{{ config.port / 1000 }}", "healthy_deadline": 30},
    }
    runtime = rendered(package).runtime
    assert runtime["service"]["command"] == ["/srv/relmgmt/current/release/run", "-p", "5232"]
    assert runtime["probes"][0]["port"] == "5232"
    assert runtime["health"] == {"min_healthy_time": "5.232", "healthy_deadline": 30}


def test_migrations_are_rendered_but_for_their_versions_and_see_no_secrets(package: t.Any, secret: Secret) -> None:
    step = {"phase": "expand", "to": "b", "up": ["{{ relmgmt.release }}/db", "up"], "down": ["/bin/true"]}
    migration = {"database": "shop", "current": ["{{ relmgmt.release }}/db"], "from": "", "steps": [step]}
    package.runtime = {"migrations": [{**migration, "environment": {"PORT": "{{ config.port }}"}}]}
    (found,) = Runtime.from_dict(rendered(package).runtime).migrations
    assert found.steps[0].up == ("/srv/relmgmt/current/release/db", "up")
    assert (found.current, found.environment) == (("/srv/relmgmt/current/release/db",), (("PORT", "5232"),))
    package.runtime = {"migrations": [{**migration, "environment": {"PASSWORD": "{{ secrets.htpasswd }}"}}]}
    package.config["secrets"] = ["htpasswd"]
    error = refused(package, secrets={"htpasswd": secret})
    assert "release.yml: migrations[0].environment.PASSWORD: 'secrets' is undefined" in error.message
    assert "they see no secrets" in error.hint


def test_runtime_that_is_no_runtime_is_refused_with_the_host(package: t.Any) -> None:
    package.runtime = {"probes": [{"kind": "tcp", "name": "web", "port": "{{ relmgmt.host }}"}]}
    error = refused(package)
    assert (error.code, "ci-ber-01: release.yml, rendered: probe web" in error.message) == ("probe-malformed", True)


@pytest.mark.parametrize(("what", "code"), [("secrets", "secret-unbound"), ("facts", "fact-missing")])
def test_what_the_package_asks_for_must_be_there(package: t.Any, what: str, code: str) -> None:
    package.config[what] = ["needed"]
    error = refused(package)
    assert (error.code, "ci-ber-01" in error.message, "'needed'" in error.message) == (code, True, True)


def test_only_named_facts_and_secrets_are_seen(package: t.Any, secret: Secret) -> None:
    package.config["facts"] = ["fqdn"]
    package.template("{{ facts.fqdn }} {{ facts.memory is defined }} {{ secrets.other is defined }}")
    profile = rendered(package, facts={"fqdn": "a.example", "memory": 1}, secrets={"other": secret})
    assert text(profile) == "a.example False False"
    assert profile.versions == {}


def test_files_are_what_the_templates_say(package: t.Any, secret: Secret) -> None:
    package.config["secrets"] = ["htpasswd"]
    package.template("a = {{ config.items }}\n{% if true %}\nb = {{ secrets.htpasswd }}\n{% endif %}\né\n")
    profile = rendered(package, config={"items": 1}, secrets={"htpasswd": secret})
    assert text(profile) == "a = 1\nb = tops3cret'\nline\né\n"
    assert [(item.path, item.mode) for item in profile.files] == [("app.ini", "0640")]
    assert profile.versions == {"ansible-vault:secrets.yml#htpasswd": "0123456789ab"}


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ {'b': '<é>', 'a': 1} | tojson }}", '{"a": 1, "b": "<é>"}'),
        ('{{ "it\'s" | quote }}', "'it'\"'\"'s'"),
        ("{{ 'é' | b64encode }}", "w6k="),
        ("{% for key in config.map %}{{ key }}{% endfor %}", "ab"),
        ("{{ config.gone | default('x') }}", "x"),
        ("{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x }}", "2"),
    ],
)
def test_helpers(package: t.Any, template: str, result: str) -> None:
    assert text(rendered(package.template(template), config={"map": {"b": 1, "a": 2}})) == result


def test_digest_covers_everything_but_secret_values(package: t.Any, secret: Secret) -> None:
    package.config.update(secrets=["htpasswd"], facts=["fqdn"])
    package.template("x").file("templates/part.j2", "1")
    package.runtime = {"service": {"driver": "command", "command": ["{{ config.port }}"]}}
    base: dict[str, t.Any] = {"facts": {"fqdn": "a"}, "secrets": {"htpasswd": secret}}
    requests = [
        package.request(**base),
        package.request(**{**base, "secrets": {"htpasswd": dataclasses.replace(secret, value="other")}}),
        package.request(**{**base, "secrets": {"htpasswd": dataclasses.replace(secret, version="2")}}),
        package.request(**{**base, "secrets": {"htpasswd": dataclasses.replace(secret, reference="env:X")}}),
        package.request(**{**base, "facts": {"fqdn": "b"}}),
        package.request(**{**base, "config": {"port": 1}}),
        package.request(**{**base, "relmgmt": {"release": "/elsewhere"}}),
    ]
    package.file("templates/other.j2", "2")
    requests.append(package.request(**base))
    digests = [profile.digest for profile in render(requests, limits=QUICK)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == len(digests) - 1


def test_the_child_inherits_nothing(package: t.Any, monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> None:
    monkeypatch.setenv("PYTHONSTARTUP", "/nonexistent")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jinja2.py").write_text("raise SystemExit('taken from the working directory')")
    assert text(rendered(package.template("fine"))) == "fine"


def test_what_a_profile_is_made_of_is_named_by_leaves_and_never_by_the_bytes_of_a_secret(
    package: t.Any, secret: Secret
) -> None:
    package.template("{{ config.web.port }} {{ secrets.token }}\n")
    package.config["secrets"], package.config["facts"] = ["token"], ["cores"]
    values: t.Any = {"web": {"port": 1, "tls": {}}, "users": [1, 2]}

    def made(**changes: t.Any) -> t.Mapping[str, str]:
        asked = {"config": values, "secrets": {"token": secret}, "facts": {"cores": 2}, **changes}
        return rendered(package, **asked).inputs

    before = made()
    assert set(before) == {"config/web.port", "config/web.tls", "config/users", "secrets/token", "facts/cores"}
    other = made(config={**values, "web": {"port": 2, "tls": {}}}, facts={"cores": 4})
    assert {name for name in before if before[name] != other[name]} == {"config/web.port", "facts/cores"}
    assert made(secrets={"token": dataclasses.replace(secret, value="other bytes")}) == before
    assert made(secrets={"token": dataclasses.replace(secret, version="2")})["secrets/token"] != before["secrets/token"]


@pytest.mark.parametrize("value", ["{{ 1 + 1 }}", "{% raw %}", "two\nlines", "a\0b", "\u2603", "x" * (1 << 20)])
def test_a_secret_is_never_a_template_and_goes_through_as_it_is(package: t.Any, value: str) -> None:
    package.config["secrets"] = ["token"]
    package.template("{{ secrets.token }}")
    (profile,) = render([package.request(secrets={"token": Secret("env:TOKEN", value, "1")})])
    assert profile.files[0].contents == value.encode()


@pytest.mark.parametrize(
    ("value", "code"), [("x" * ((1 << 20) + 1), "template-too-large"), ("\ud800", "template-failed")]
)
def test_a_secret_that_no_file_can_hold_is_refused_without_being_shown(package: t.Any, value: str, code: str) -> None:
    package.config["secrets"] = ["token"]
    package.template("{{ secrets.token }}")
    with pytest.raises(RelmgmtError) as caught:
        render([package.request(secrets={"token": Secret("env:TOKEN", value, "1")})])
    assert caught.value.code == code and value not in str(caught.value)
