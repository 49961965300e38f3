# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The child's job ``render``: templates and runtime strings of all hosts (private)."""

from __future__ import annotations

import base64
import collections.abc
import copy
import functools
import pathlib
import traceback
import typing as t

from jinja2 import Environment, StrictUndefined, Template, nodes
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.loaders import BaseLoader

from ...module_utils._model.digest import digest_of
from ...module_utils._model.errors import InputError, IntegrityError
from ...module_utils._model.origin import Origin
from .child import Speaker
from .limits import Limits
from .reading import ROOTS, Seen, look
from .sandbox import FILTERS, Sandbox

__all__ = ["render_hosts"]

Data = dict[str, t.Any]
_MASK = "***"
_NAMES_HINT = (
    "A template sees config, secrets, facts and relmgmt: no lookups, no hostvars and no other variable of Ansible. "
    "Put the value into the configuration (relmgmt_config), or name the fact in config.facts."
)
_NO_SECRETS_HINT = (
    "Service, probes, smoke tests, health, placements, traffic and migrations are stored readable, so they see no "
    "secrets: put the secret into a template file and let the software read that."
)


class TooLongError(Exception):
    """One rendered text is longer than the limit."""


class PackageLoader(BaseLoader):
    """The files that the manifest lists, with the digests that it lists, and no others."""

    def __init__(self, directory: str, digests: collections.abc.Mapping[str, str]) -> None:
        self._directory, self._digests = pathlib.Path(directory), digests

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, None]:
        if template not in self._digests:
            raise TemplateNotFound(template)
        data = (self._directory / template).read_bytes()
        if digest_of(data) != self._digests[template]:
            raise IntegrityError(
                "template-changed",
                f"{self._directory / template}: the file is not the one that the manifest names",
                hint="Remove the package from the cache and fetch it again.",
            )
        return data.decode("utf-8"), template, None


class Package:
    """One package's templates, compiled once for all hosts."""

    def __init__(self, data: Data, limits: Limits) -> None:
        self.templates: list[Data] = data["templates"]
        self.runtime: Data = data["runtime"]
        self._limits = limits
        self._loader = PackageLoader(data["directory"], data["digests"])
        self._sandbox = Sandbox(self._loader, range_length=limits.range_length)
        self._strings: dict[tuple[str, str], Template] = {}
        self._all = frozenset(data["digests"])

    @functools.cached_property
    def reads(self) -> dict[str, Seen]:
        """Destination → what its template can see."""
        return {template["destination"]: self._look(template["source"]) for template in self.templates}

    def _look(self, source: str) -> Seen:
        """A template that cannot be read by halves counts as one that reads everything: rendering it says why."""
        try:
            return look(source, self._parsed)
        except (TemplateSyntaxError, UnicodeDecodeError, RecursionError):
            return Seen(frozenset(ROOTS), self._all)

    def _parsed(self, source: str) -> nodes.Template | None:
        try:
            return self._sandbox.parse(self._loader.get_source(self._sandbox, source)[0], name=source)
        except TemplateNotFound:
            return None

    def file(self, source: str, context: Data) -> str:
        return self._text(self._sandbox.get_template(source), context)

    def string(self, text: str, place: str, context: Data) -> str:
        if "{" not in text:
            return text
        if (text, place) not in self._strings:
            code = self._sandbox.compile(text, name=place, filename=place)
            self._strings[text, place] = Template.from_code(self._sandbox, code, self._sandbox.globals)
        return self._text(self._strings[text, place], context)

    def _text(self, template: Template, context: Data) -> str:
        parts, left = [], self._limits.file_bytes
        for part in template.generate(context):
            left -= len(part)
            if left < 0:
                raise TooLongError
            parts.append(part)
        return "".join(parts)


def render_hosts(request: Data, speaker: Speaker) -> None:
    """For each host a result with files and runtime, or errors: all of all hosts, not only the first."""
    packages = {key: Package(data, speaker.limits) for key, data in request["packages"].items()}
    for key, package in packages.items():
        speaker.at("all hosts", "the templates")
        reads = {
            path: {"names": sorted(seen.names), "sources": sorted(seen.sources)} for path, seen in package.reads.items()
        }
        speaker.result({"package": key, "reads": reads})
    for host in request["hosts"]:
        HostRendering(packages[host["package"]], host, speaker).run()


class HostRendering:
    """One host's profile on its way."""

    def __init__(self, package: Package, host: Data, speaker: Speaker) -> None:
        self._package, self._speaker = package, speaker
        self._host: str = host["host"]
        self._secrets: dict[str, str] = host["secrets"]
        self._context: Data = {key: host[key] for key in ("config", "facts", "relmgmt")}
        self._private: list[tuple[list[t.Any], str]] = host["config_secrets"]
        self._kept: list[str] = host["kept"]
        self._failed = False

    def run(self) -> None:
        files: list[Data] = []
        context = {**self._context, "secrets": self._secrets}
        if self._private:
            context["config"] = self._replaced(self._private)
            self._context["config"] = self._replaced([(path, _closed(path)) for path, _value in self._private])
        for template in self._package.templates:
            if self._kept and self._sees_kept(template["destination"]):
                files.append({"path": template["destination"], "mode": template["mode"], "kept": True})
                continue
            text = self._step(template["source"], functools.partial(self._package.file, template["source"], context))
            contents = base64.b64encode(text.encode("utf-8")).decode("ascii")
            files.append({"path": template["destination"], "mode": template["mode"], "contents": contents})
        runtime = self._runtime(self._package.runtime, "")
        if not self._failed:
            self._speaker.result({"host": self._host, "files": files, "runtime": runtime})

    def _sees_kept(self, destination: str) -> bool:
        names = self._package.reads[destination].names
        return any(Origin("", "", {}, tuple(names)).sees(name) for name in self._kept)

    def _replaced(self, values: list[tuple[list[t.Any], t.Any]]) -> Data:
        """The configuration with something else at these places."""
        config: Data = copy.deepcopy(self._context["config"])
        for path, value in values:
            holder: t.Any = config
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = value
        return config

    def _runtime(self, value: t.Any, place: str) -> t.Any:
        if isinstance(value, dict):
            return {key: self._runtime(item, f"{place}.{key}" if place else key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._runtime(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str) or "{" not in value:
            return value
        where = f"release.yml: {place}"
        return self._step(where, functools.partial(self._package.string, value, where, self._context))

    def _step(self, what: str, work: collections.abc.Callable[[], str]) -> str:
        self._speaker.at(self._host, what)
        try:
            text = work()
            text.encode("utf-8")
        except IntegrityError:
            raise
        except Exception as exc:  # A template can raise whatever Python's operators raise.
            self._failed = True
            self._speaker.error(self._error(exc, what), host=self._host)
            return ""
        return text

    def _error(self, exc: Exception, what: str) -> InputError:
        place, line = _place(exc, what)
        # Runtime strings are named by their key: the line within one string says nothing.
        where = f"{place}:{line}" if line and not place.startswith("release.yml: ") else place
        code, text, hint = _explain(exc, self._speaker.limits)
        if isinstance(exc, UndefinedError) and "secrets" not in self._visible(what):
            hint = _NO_SECRETS_HINT if "'secrets'" in text else hint
        return InputError(code, f"{where}: {self._masked(text)}", hint=hint)

    @staticmethod
    def _visible(what: str) -> tuple[str, ...]:
        return ("config", "facts", "relmgmt") + (() if what.startswith("release.yml: ") else ("secrets",))

    def _masked(self, text: str) -> str:
        secrets = [*self._secrets.values(), *(value for _path, value in self._private)]
        for secret in sorted(secrets, key=len, reverse=True):
            for form in (secret, repr(secret)[1:-1]):
                text = text.replace(form, _MASK) if form else text
        return text


def _closed(path: list[t.Any]) -> StrictUndefined:
    """Stands for a secret where none may be seen."""
    return StrictUndefined(hint=f"config.{'.'.join(map(str, path))} is one of the 'secrets'")


def _place(exc: Exception, what: str) -> tuple[str, int]:
    """File and line: jinja2 rewrites tracebacks so that templates appear in them under their names."""
    if isinstance(exc, TemplateSyntaxError):
        return exc.name or what, exc.lineno
    for frame in reversed(traceback.extract_tb(exc.__traceback__)):
        if frame.name in ("top-level template code", "template") or frame.name.startswith(("block ", "macro")):
            return frame.filename, frame.lineno or 0
    return what, 0


def _explain(exc: Exception, limits: Limits) -> tuple[str, str, str]:
    """Code, text and hint."""
    text = str(exc)
    if isinstance(exc, TemplateSyntaxError):
        known = f"The filters are: {', '.join(sorted(FILTERS))}." if "filter" in text else "Mend the template."
        return "template-syntax", text.rstrip("."), known
    if isinstance(exc, SecurityError):
        return "template-forbidden", text.rstrip("."), "Templates work on data alone; the insides of Python are closed."
    if isinstance(exc, UndefinedError):
        return "template-undefined", text, _NAMES_HINT
    if isinstance(exc, TemplateNotFound):
        hint = "Name it in config.templates or put it beside them; a template includes files of its own package only."
        return "template-missing", f"there is no template {text!r} in the package", hint
    if isinstance(exc, RecursionError):
        return "template-endless", "it calls itself without end", "Look for macros and includes that call themselves."
    if isinstance(exc, MemoryError):
        return "template-too-large", "it takes more memory than allowed", "Build a smaller text."
    if isinstance(exc, TooLongError):
        return "template-too-large", f"it is longer than {limits.file_bytes} bytes", "Look for loops inside loops."
    return "template-failed", f"{type(exc).__name__}: {text}", "Mend the template, or the value it works on."
