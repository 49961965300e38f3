# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the house that no other tool checks: who may import whom, and what belongs to a verb."""

from __future__ import annotations

import ast
import collections.abc
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
MODULE_UTILS, PLUGIN_UTILS = PLUGINS / "module_utils", PLUGINS / "plugin_utils"
COLLECTION = ("ansible_collections", "relmgmt", "release", "plugins")
VERBS = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
HOST_VERBS = ["host_info", *(verb for verb in VERBS if verb.startswith("release_") and verb != "release_status")]
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw", "jsonarg", "json", "bytes", "bits"}

# What the outermost files of the controller alone may know, and what comes with ansible-core.
OVER_ANSIBLE = {"_access", "_action", "_host_link", "_vault_file", "_vaulted", "_written"}
OF_ANSIBLE = {"ansible", "jinja2", "yaml"}
NOT_OF_ANSIBLE = [
    "alembic",
    "hvac",
    "jsonschema",
    "rich",
    "securesystemslib",
    "semver",
    "sqlalchemy",
    "tuf",
    "zstandard",
]


class Import(t.NamedTuple):
    """One name that a file imports: ``target`` is its absolute module; ``typing``: only type checkers see it."""

    target: tuple[str, ...]
    line: int
    typing: bool


def files(*directories: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for directory in directories for path in directory.rglob("*.py"))


def module_of(path: pathlib.Path) -> tuple[str, ...]:
    return (*COLLECTION, *path.relative_to(PLUGINS).with_suffix("").parts)


def imports(path: pathlib.Path) -> collections.abc.Iterator[Import]:
    """Every import of the file, those in functions included.

    ``from x import y`` counts as x.y where y is a module that x does not offer as its own.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "t.TYPE_CHECKING"
        for statement in branch.body
        for node in ast.walk(statement)
    }
    package = module_of(path)[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(tuple(name.name.split(".")), node.lineno, id(node) in unseen)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            target = (*base, *(node.module or "").split(".")) if node.module else base
            for name in node.names:
                past_the_face = is_module((*target, name.name)) and name.name not in face(target)
                yield Import((*target, name.name) if past_the_face else target, node.lineno, id(node) in unseen)


def is_module(target: tuple[str, ...]) -> bool:
    path = PLUGINS.parents[3].joinpath(*target)
    return path.is_dir() or path.with_suffix(".py").exists()


def face(package: tuple[str, ...]) -> set[str]:
    """What the package offers: its ``__all__``."""
    init = PLUGINS.parents[3].joinpath(*package, "__init__.py")
    for node in ast.walk(ast.parse(init.read_text(encoding="utf-8"))) if init.exists() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def ours(target: tuple[str, ...]) -> tuple[str, ...]:
    """The path below plugins/, empty for what is not ours."""
    return target[len(COLLECTION) :] if target[: len(COLLECTION)] == COLLECTION else ()


def wrong(
    paths: collections.abc.Iterable[pathlib.Path], allowed: collections.abc.Callable[[pathlib.Path, Import], bool]
) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{found.line} imports {'.'.join(found.target)}"
        for path in paths
        for found in imports(path)
        if not allowed(path, found)
    ]


def test_the_rules_below_see_imports() -> None:
    path = PLUGIN_UTILS / "_rollout" / "opening.py"
    found = {ours(item.target) for item in imports(path)}
    assert ("plugin_utils", "_registry") in found
    assert ("plugin_utils", "_rollout", "planning") in found
    assert ("module_utils", "_model", "manifest") in found
    leases = PLUGIN_UTILS / "_registry" / "leases.py"
    assert {item.typing for item in imports(leases) if item.target[0] == "sqlalchemy"} == {True}


def test_what_a_host_runs_knows_the_standard_library_and_itself_alone() -> None:
    def allowed(_path: pathlib.Path, found: Import) -> bool:
        inside = ours(found.target)
        return inside[:1] == ("module_utils",) if inside else found.target[0] in sys.stdlib_module_names

    assert wrong(files(MODULE_UTILS), allowed) == []


def test_the_model_knows_nothing_but_itself() -> None:
    def allowed(_path: pathlib.Path, found: Import) -> bool:
        inside = ours(found.target)
        return not inside or inside[:2] == ("module_utils", "_model")

    assert wrong(files(MODULE_UTILS / "_model"), allowed) == []


def test_the_controller_knows_the_model_but_not_the_host_engine() -> None:
    def allowed(_path: pathlib.Path, found: Import) -> bool:
        inside = ours(found.target)
        return inside[:1] != ("module_utils",) or inside[1:2] == ("_model",)

    assert wrong(files(PLUGIN_UTILS, PLUGINS / "action"), allowed) == []


def test_topics_reach_each_other_through_their_face_alone() -> None:
    def allowed(path: pathlib.Path, found: Import) -> bool:
        inside = ours(found.target)
        if inside[:1] != ("plugin_utils",) or len(inside) < 3:
            return True
        return path.is_relative_to(PLUGIN_UTILS / inside[1])

    assert wrong(files(PLUGIN_UTILS, PLUGINS / "action"), allowed) == []


def test_core_code_imports_nothing_of_ansible() -> None:
    def allowed(path: pathlib.Path, found: Import) -> bool:
        inside = ours(found.target)
        if inside:
            return inside[0] != "plugin_utils" or inside[1] not in OVER_ANSIBLE
        return found.target[0] != "ansible"

    over = {PLUGIN_UTILS / f"{name}.py" for name in OVER_ANSIBLE}
    assert wrong([path for path in files(PLUGIN_UTILS) if path not in over], allowed) == []


def test_third_party_names_come_through_optional_alone() -> None:
    def allowed(_path: pathlib.Path, found: Import) -> bool:
        return bool(found.typing or ours(found.target)) or found.target[0] in sys.stdlib_module_names | OF_ANSIBLE

    assert wrong(files(PLUGIN_UTILS, PLUGINS / "action"), allowed) == []


@pytest.mark.parametrize("path", files(MODULE_UTILS, PLUGIN_UTILS), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_a_file_of_the_inside_says_so(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.name == "__init__.py" and path.is_relative_to(MODULE_UTILS):
        assert tree.body == []  # as the sanity test empty-init of ansible-core 2.16 has it
        return
    banner = (ast.get_docstring(tree) or "").split("\n\n")[0]
    assert "private" in banner
    assert path.relative_to(PLUGINS).parts[1].startswith("_")
    if tree.body[1:]:
        assert "__all__" in assigned(tree)


# --- verbs ---


def assigned(tree: ast.Module) -> list[str]:
    """Names that are given a value anywhere."""
    assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return [name.id for node in assignments for name in node.targets if isinstance(name, ast.Name)]


def constant(path: pathlib.Path, name: str) -> t.Any:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(isinstance(x, ast.Name) and x.id == name for x in node.targets):
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no {name}")


def fragments() -> list[tuple[str, dict[str, t.Any]]]:
    found = []
    for path in files(PLUGINS / "doc_fragments"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [(f"{path.stem}.{name}", constant(path, name)) for name in assigned(tree)]
    return found


DOCUMENTED = [*((verb, constant(PLUGINS / "modules" / f"{verb}.py", "DOCUMENTATION")) for verb in VERBS), *fragments()]


def test_every_verb_has_documentation_action_and_target() -> None:
    assert sorted(path.stem for path in (PLUGINS / "action").glob("*.py")) == VERBS
    targets = {path.parent.parent.name for path in (ROOT / "tests/integration/targets").glob("*/tasks/main.yml")}
    assert [verb for verb in VERBS if verb not in targets] == []


@pytest.mark.parametrize("kind", ["inventory", "lookup"])
def test_every_plugin_has_a_target(kind: str) -> None:
    for path in (PLUGINS / kind).glob("*.py"):
        assert (ROOT / "tests/integration/targets" / f"{kind}_{path.stem}/tasks/main.yml").exists(), path.stem


def test_every_verb_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    assert sorted(runtime["action_groups"]["release"]) == VERBS


def test_every_integration_target_says_whether_it_needs_facts() -> None:
    targets = ROOT / "tests/integration/targets"
    for path in targets.iterdir():
        if not path.name.startswith("setup_"):
            assert "gather_facts/no" in (path / "aliases").read_text().split(), path.name


@pytest.mark.parametrize(("name", "documented"), DOCUMENTED, ids=[name for name, _documented in DOCUMENTED])
def test_every_option_has_description_and_type(name: str, documented: dict[str, t.Any]) -> None:
    def check(options: dict[str, t.Any], where: str) -> None:
        for option, about in options.items():
            assert about.get("description"), f"{where}: {option} has no description"
            assert about.get("type") in TYPES, f"{where}: {option} has no type"
            assert about["type"] != "list" or about.get("elements") in TYPES, f"{where}: {option} has no elements"
            check(about.get("suboptions") or {}, f"{where}: {option}")

    check(documented.get("options") or {}, name)


@pytest.mark.parametrize("verb", VERBS)
def test_documentation_examples_and_returned_values(verb: str) -> None:
    path = PLUGINS / "modules" / f"{verb}.py"
    documented, returned = constant(path, "DOCUMENTATION"), constant(path, "RETURN")
    assert documented["module"] == verb
    assert len(documented["short_description"]) <= 80 and not documented["short_description"].endswith(".")
    assert constant(path, "EXAMPLES")[0].get(f"relmgmt.release.{verb}"), "the first example shows another verb"
    assert [name for name, about in returned.items() if not {"description", "returned", "type"} <= set(about)] == []


def test_every_entry_point_of_a_role_has_tasks_and_a_specification() -> None:
    for role in (ROOT / "roles").iterdir():
        specified = set(yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"])
        assert {path.stem for path in (role / "tasks").glob("*.yml")} == specified


@pytest.mark.parametrize("step", ["stage", "wave", "undo", "back"])
def test_a_host_verb_that_fails_as_a_task_does_not_take_its_host_out_of_the_play(step: str) -> None:
    """A time limit fails a task whatever it reports; a wave of which all hosts failed would end the playbook."""
    tasks = yaml.safe_load((ROOT / f"roles/rollout/tasks/{step}.yml").read_text())
    verbs = [task for task in tasks if any(name.startswith("relmgmt.release.release_") for name in task)]
    assert verbs
    for task in verbs:
        assert task.get("ignore_errors") is True and task.get("register"), task["name"]


BLOCKED = """
import importlib, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise AssertionError(name + " was imported")
sys.meta_path.insert(0, Blocker())
for verb in {verbs!r}:
    importlib.import_module("{package}.action." + verb)
print(*sorted(name for name in sys.modules if name.startswith("{package}.plugin_utils.")), sep="\\n")
"""


def test_host_verbs_import_nothing_that_a_base_installation_lacks() -> None:
    package = ".".join(COLLECTION)
    script = BLOCKED.format(blocked=NOT_OF_ANSIBLE, verbs=HOST_VERBS, package=package)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT.parents[2]), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.removeprefix(package + ".plugin_utils.") for name in done.stdout.split()}
    assert loaded == {"_action", "_engine", "_host_back", "_host_link", "_spec", "_transfer"}
