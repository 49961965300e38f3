# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a registry is opened: made private, brought forward, refused where it cannot be trusted or understood."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import subprocess
import sys
import typing as t

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry, location
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.migrate import VERSION
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.migrations import MIGRATIONS
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry.tables import tables


def refused(where: str, **how: t.Any) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        Registry.open(where, **how)
    return caught.value


def set_version(path: pathlib.Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE registry SET schema = ?", (version,))
    connection.commit()
    connection.close()


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


def test_migrations_make_the_tables_that_queries_see(path: pathlib.Path) -> None:
    with Registry.open(str(path)) as registry, registry._database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables().metadata)
    assert differences == []
    assert len(MIGRATIONS) == VERSION


def test_a_registry_of_version_1_keeps_what_it_holds(path: pathlib.Path) -> None:
    with Registry.open(str(path)) as registry:
        identity = registry.id
        registry.acquire("a/b", "c", "d", Holder.of(), ttl=1)
        with registry._database.write() as connection:
            for later in ("migrations", "evidence", "settings", "orders", "jobs", "lease_members", "lease_history"):
                getattr(tables(), later).drop(connection)
            connection.exec_driver_sql('ALTER TABLE rollouts DROP COLUMN "by"')
            connection.exec_driver_sql("ALTER TABLE deployments DROP COLUMN cause")
    set_version(path, 1)
    with Registry.open(str(path)) as registry:
        assert registry.id == identity
        assert registry.acquire("a/b", "c", "d", Holder.of(), ttl=1).token == 2
        assert registry.put_setting("a", {"b": 1})


def test_a_newer_registry_is_refused(path: pathlib.Path) -> None:
    Registry.open(str(path)).close()
    set_version(path, VERSION + 1)
    error = refused(str(path))
    assert (error.code, str(path) in error.message) == ("registry-newer", True)


def test_an_older_registry_is_not_brought_forward_by_a_question(path: pathlib.Path) -> None:
    Registry.open(str(path)).close()
    set_version(path, 0)
    assert refused(str(path), write=False).code == "registry-older"


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
        assert registry.acquire("a/b", "c", "d", Holder.of(), ttl=1).token == 1


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
