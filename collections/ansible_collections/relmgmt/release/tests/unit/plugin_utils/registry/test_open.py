# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a registry is opened: made private, brought forward, refused where it cannot be trusted or understood."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError, RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Lease, Registry, location
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.database import open_database
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.migrate import VERSION
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.migrations import MIGRATIONS
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.tables import tables


def refused(where: str, **how: t.Any) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        Registry.open(where, **how)
    return caught.value


def set_version(place: str, version: int) -> None:
    database = open_database(place, write=True)
    with database.write() as connection:
        connection.execute(tables().registry.update().values(schema=version))
    database.close()


def test_it_is_for_its_owner_alone(path: pathlib.Path) -> None:
    old = os.umask(0)
    try:
        Registry.open(str(path)).close()
        with Registry.open(str(path)) as registry:
            registry.acquire("a/b", "c", "d", Holder.of(), ttl=1)
            modes = {item.name: oct(item.stat().st_mode & 0o777) for item in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
    assert set(modes.values()) == {"0o600"}


def test_it_keeps_its_id(path: pathlib.Path) -> None:
    with Registry.open(str(path)) as first, Registry.open(f"sqlite:///{path}") as second:
        assert first.id == second.id
    assert len(first.id) == 32


def test_migrations_make_the_tables_that_queries_see(place: str) -> None:
    with Registry.open(place) as registry, registry._database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables().metadata)
    assert differences == []
    assert len(MIGRATIONS) == VERSION


def make_version_1(location: str) -> None:
    """An empty registry as the first step made it."""
    database = open_database(location, write=True)
    with database.write() as connection:
        MIGRATIONS[0](Operations(MigrationContext.configure(connection)))
        connection.exec_driver_sql("INSERT INTO registry (id, schema, token) VALUES ('the-first', 1, 7)")
        connection.exec_driver_sql(
            "INSERT INTO leases VALUES ('a/b', 'prod', 'main', 7, 'ctl', 'boot', '100', '2026', '2026', '2999', 12)"
        )
        connection.exec_driver_sql(
            "INSERT INTO leases VALUES ('database', 'pg-a', '', 7, 'ctl', 'boot', '100', '2026', '2026', '2999', 12)"
        )
    database.close()


def test_a_registry_of_version_1_keeps_what_it_holds(place: str) -> None:
    make_version_1(place)
    with Registry.open(place) as registry:
        assert registry.id == "the-first"
        with pytest.raises(ConflictError, match="is held by process 12 on ctl"):
            registry.acquire("a/b", "prod", "main", Holder.of(), ttl=1)
        lease = Lease(registry.id, "a/b", "prod", "main", 7, "", ("pg-a",))
        registry.renew(lease, Holder("ctl", "boot", 12, "100"), ttl=60)
        assert registry.acquire("c/d", "prod", "main", Holder.of(), ttl=1).token > 7
        assert registry.put_setting("a", {"b": 1})


def test_two_that_bring_a_registry_forward_at_once_do_it_once(place: str) -> None:
    make_version_1(place)
    program = (
        "import sys\n"
        "from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry\n"
        "sys.stdin.read(1)\n"
        "print(Registry.open(sys.argv[1]).id)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program, place],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _number in range(2)
    ]  # fmt: skip
    for process in both:
        assert process.stdin
        process.stdin.write("x")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in both] == ["the-first", "the-first"]


def test_a_run_that_goes_on_makes_no_new_registry(place: str) -> None:
    error = refused(place, identity="the-first")
    assert error.code == "registry-gone"
    Registry.open(place).close()
    assert "is another one" in refused(place, identity="the-first").message
    with Registry.open(place) as registry:
        Registry.open(place, identity=registry.id).close()


def test_a_registry_that_goes_while_it_is_opened_is_not_made_anew(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    monkeypatch.setattr(pathlib.Path, "exists", lambda self: True)
    assert refused(str(path), identity="the-first").code == "registry-gone"
    assert list(path.parent.iterdir()) == []


def test_a_newer_registry_is_refused(place: str) -> None:
    Registry.open(place).close()
    set_version(place, VERSION + 1)
    assert refused(place).code == "registry-newer"


def test_an_older_registry_is_not_brought_forward_by_a_question(place: str) -> None:
    Registry.open(place).close()
    set_version(place, 0)
    assert refused(place, write=False).code == "registry-older"


def test_a_question_makes_nothing(path: pathlib.Path) -> None:
    with Registry.open(str(path), write=False) as registry:
        assert registry.rollouts() == []
    assert not path.parent.exists()


def test_a_question_cannot_write(path: pathlib.Path) -> None:
    Registry.open(str(path)).close()
    with Registry.open(str(path), write=False) as registry, pytest.raises(RelmgmtError) as caught:
        registry.acquire("a/b", "c", "d", Holder.of(), ttl=1)
    assert "readonly" in caught.value.message


@pytest.mark.parametrize("exposed", ["file", "directory"])
def test_a_registry_that_others_may_write_is_refused(path: pathlib.Path, exposed: str) -> None:
    Registry.open(str(path)).close()
    (path if exposed == "file" else path.parent).chmod(0o777)
    assert refused(str(path)).code == "registry-exposed"


def test_what_is_no_registry_is_refused(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path.parent.mkdir()
    path.write_text("This is a text file and no database at all. " * 100)
    path.chmod(0o600)
    assert (refused(str(path)).code, "not a database" in refused(str(path)).message) == ("registry-failed", True)
    assert refused(str(path / "below.db")).code == "registry-failed"
    assert refused(str(tmp_path)).code == "registry-failed"


def test_no_error_shows_the_password_of_a_url() -> None:
    for url in ("postgresql://me:s3cret@127.0.0.1:1/x", "postgresql://me:s3cret@[", "nonsense://me:s3cret@x"):
        error = refused(url)
        assert "s3cret" not in str(error) + repr(error.to_dict())


def test_a_damaged_transaction_leaves_nothing(path: pathlib.Path) -> None:
    with Registry.open(str(path)) as registry:
        with pytest.raises(ZeroDivisionError), registry._database.write() as connection:
            connection.execute(tables().packages.delete())
            connection.execute(tables().registry.update().values(token=99))
            raise ZeroDivisionError
        with registry._database.read() as connection:
            assert connection.execute(tables().registry.select()).one().token == 0


@pytest.mark.parametrize(
    ("params", "environ", "where"),
    [
        ({"registry": "/a/b.db"}, {"RELMGMT_REGISTRY": "/c"}, "/a/b.db"),
        ({"registry": None}, {"RELMGMT_REGISTRY": "/c"}, "/c"),
        ({}, {"RELMGMT_REGISTRY": "postgresql://x/y"}, "postgresql://x/y"),
        ({}, {}, str(pathlib.Path("~/.local/share/relmgmt/registry.db").expanduser())),
        ({"registry": "b.db"}, {}, str(pathlib.Path("b.db").absolute())),
    ],
)
def test_location(params: dict[str, t.Any], environ: dict[str, str], where: str) -> None:
    assert location(params, environ=environ) == where


def test_opening_a_registry_that_stands_imports_neither_orm_nor_alembic(path: pathlib.Path) -> None:
    Registry.open(str(path)).close()
    program = (
        "import sys\n"
        "from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry\n"
        "Registry.open(sys.argv[1]).close()\n"
        "print([name for name in ('sqlalchemy.orm', 'alembic') if name in sys.modules])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"
