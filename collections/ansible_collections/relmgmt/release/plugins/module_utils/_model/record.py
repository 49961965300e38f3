# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records: frozen dataclasses without the time that it takes to make them (private).

``dataclasses.dataclass`` writes methods for each class and compiles them, and imports what that needs: 40 % of the time
in which a verb starts. Here all records share the same methods. A type checker takes them for dataclasses, and so do
the functions of ``dataclasses``; ``replace`` and ``values`` do without those.
"""

from __future__ import annotations

import typing as t

__all__ = ["field", "record", "replace", "values"]

if t.TYPE_CHECKING:
    from dataclasses import dataclass as record
    from dataclasses import field, replace

_NOTHING = object()


class _Field(t.NamedTuple):
    """What a record says of a field instead of a default."""

    default_factory: t.Callable[[], t.Any] | None
    repr: bool


class _Shape(t.NamedTuple):
    """What a record is made of."""

    names: tuple[str, ...]
    defaults: dict[str, t.Any]
    factories: dict[str, t.Callable[[], t.Any]]
    shown: tuple[str, ...]
    declared: dict[str, t.Any]


def values(instance: t.Any) -> dict[str, t.Any]:
    """The values of all fields, by name and in order; as they are."""
    state = instance.__dict__
    return {name: state[name] for name in instance.__record__.names}


def _record(*, frozen: bool) -> t.Callable[[type], type]:
    """The decorator; as of ``dataclasses.dataclass``, of which it knows this use alone."""
    if not frozen:
        raise TypeError("a record is frozen")
    return _made


def _field(*, default_factory: t.Callable[[], t.Any] | None = None, repr: bool = True) -> t.Any:  # noqa: A002
    return _Field(default_factory, repr)


def _replace(instance: t.Any, **changes: t.Any) -> t.Any:
    return type(instance)(**{**values(instance), **changes})


def _made(cls: t.Any) -> type:
    names = tuple(name for name, kind in cls.__annotations__.items() if not str(kind).startswith("t.ClassVar"))
    declared = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    special = {name: value for name, value in declared.items() if isinstance(value, _Field)}
    defaults = {name: value for name, value in declared.items() if name not in special}
    factories = {name: value.default_factory for name, value in special.items() if value.default_factory is not None}
    for name in special:
        delattr(cls, name)
    hidden = {name for name, value in special.items() if not value.repr}
    cls.__record__ = _Shape(names, defaults, factories, tuple(name for name in names if name not in hidden), declared)
    cls.__dataclass_fields__ = _Fields()
    for name, method in _METHODS.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return t.cast(type, cls)


class _Fields:
    """``__dataclass_fields__``, made when the first of the functions of ``dataclasses`` asks for them."""

    def __get__(self, _instance: t.Any, owner: t.Any) -> t.Any:
        import dataclasses

        body = {"__annotations__": {name: owner.__annotations__[name] for name in owner.__record__.names}}
        for name, value in owner.__record__.declared.items():
            body[name] = value
            if isinstance(value, _Field):
                factory = value.default_factory
                told: dict[str, t.Any] = {} if factory is None else {"default_factory": factory}
                # It is used within the dataclass that is made right below.
                body[name] = dataclasses.field(repr=value.repr, **told)  # pylint: disable=invalid-field-call
        made: t.Any = dataclasses.dataclass(frozen=True)(type(owner.__name__, (), body))
        owner.__dataclass_fields__ = made.__dataclass_fields__
        return owner.__dataclass_fields__


def _init(self: t.Any, *given: t.Any, **named: t.Any) -> None:
    shape: _Shape = self.__record__
    state = {**shape.defaults, **dict(zip(shape.names, given)), **named}
    for name, make in shape.factories.items():
        if name not in state:
            state[name] = make()
    twice = set(shape.names[: len(given)]) & named.keys()
    if len(given) > len(shape.names) or twice or len(state) != len(shape.names) or state.keys() != set(shape.names):
        wrong = sorted(twice or state.keys() ^ set(shape.names))
        raise TypeError(f"{type(self).__name__} takes {', '.join(shape.names)}: wrong is {', '.join(wrong) or 'more'}")
    self.__dict__.update(state)


def _repr(self: t.Any) -> str:
    shown = (f"{name}={self.__dict__[name]!r}" for name in self.__record__.shown)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: t.Any, other: object) -> bool:
    return values(self) == values(other) if type(self) is type(other) else NotImplemented


def _hash(self: t.Any) -> int:
    return hash(tuple(values(self).values()))


def _setattr(self: t.Any, name: str, _value: t.Any) -> None:
    raise AttributeError(f"cannot assign to field {name!r}")


def _delattr(self: t.Any, name: str) -> None:
    raise AttributeError(f"cannot delete field {name!r}")


_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}

if not t.TYPE_CHECKING:
    record, field, replace = _record, _field, _replace
