"""Rule: dataclasses that are made in a tenth of the time, and take less memory.

Owns `dataclass`, which means what that of the standard library means. Refuses functions that run after the initializer,
order and weak references, which the gateway does not use.

The standard library writes six functions for each frozen class and compiles their text: 1 ms of a processor in Python
3.11, a fifth of a start that imports more than a hundred of them. Here the functions are the same for all classes, and
an initializer is written when its class is first used, so that it is as fast as ever.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, fields
from dataclasses import dataclass as _without_functions
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:  # type checkers know the function of the standard library alone
    from collections.abc import Callable, Iterator
    from dataclasses import dataclass

    __all__ = ["dataclass"]
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, repr=True, kw_only=False):  # noqa: A002, ANN001, ANN201 - as in the standard library
        """See `dataclasses.dataclass`; a function that the class itself has is kept."""

        def made(cls: type) -> type:
            if hasattr(cls, "__post_init__"):
                raise TypeError(f"{cls.__qualname__}.__post_init__ would not be called; give the class an own function")
            own = frozenset(cls.__dict__)
            found = _without_functions(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            for name, function in _functions(found, frozen=frozen, eq=eq, shown=repr):
                if name not in own:
                    setattr(found, name, function)
            return found

        return made if cls is None else made(cls)


def _functions(cls: Any, *, frozen: bool, eq: bool, shown: bool) -> Iterator[tuple[str, Any]]:
    parts = fields(cls)
    yield "__init__", _initializer_on_demand(cls, parts, frozen=frozen)
    if shown:
        yield "__repr__", _shows(tuple(it.name for it in parts if it.repr))
    if eq:
        values = _values(tuple(it.name for it in parts if it.compare))
        yield "__eq__", _equals(values)
        yield "__hash__", _hashes(values) if frozen else None
    if frozen:
        yield "__setattr__", _refuse_to_assign
        yield "__delattr__", _refuse_to_delete
        if "__slots__" in cls.__dict__:  # without slots, and where it may be changed, Python copies it by itself
            names = tuple(it.name for it in parts)
            yield "__getstate__", _gives(names)
            yield "__setstate__", _takes(names)


def _initializer_on_demand(cls: Any, parts: tuple[Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    def initialize(self: object, *arguments: object, **named: object) -> None:
        cls.__init__ = _initializer(cls, parts, frozen=frozen)
        cls.__init__(self, *arguments, **named)

    return initialize


def _initializer(cls: Any, parts: tuple[Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    """Write the initializer as the standard library does."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": MISSING}
    given, by_name, lines = ["self"], ["*"], ["pass"]
    for part in parts:
        if not part.init:
            raise TypeError(f"{cls.__qualname__}.{part.name}: every field is one of the initializer")
        name = value = parameter = part.name
        if part.default is not MISSING:
            names[f"_default_{name}"] = part.default
            parameter = f"{name}=_default_{name}"
        elif part.default_factory is not MISSING:
            names[f"_make_{name}"] = part.default_factory
            parameter = f"{name}=_MISSING"
            value = f"_make_{name}() if {name} is _MISSING else {name}"
        (by_name if part.kw_only else given).append(parameter)
        lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    parameters = ", ".join(given + (by_name if len(by_name) > 1 else []))
    exec(f"def __init__({parameters}):\n {'; '.join(lines)}", names)  # noqa: S102 - names of fields, and no values
    found: Any = names["__init__"]
    found.__qualname__ = f"{cls.__qualname__}.__init__"
    return found  # type: ignore[no-any-return]  # a function, as was written above


def _values(names: tuple[str, ...]) -> Callable[[object], Any]:
    """Return what gives all fields of an object as one value to compare."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda it: [getattr(it, name) for name in names]


def _equals(values: Callable[[object], Any]) -> Callable[[object, object], Any]:
    def is_equal(self: object, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return is_equal


def _hashes(values: Callable[[object], Any]) -> Callable[[object], int]:
    def hash_of(self: object) -> int:
        return hash(tuple(values(self)))

    return hash_of


def _shows(names: tuple[str, ...]) -> Callable[[object], str]:
    def shown(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{it}={getattr(self, it)!r}' for it in names)})"

    return shown


def _refuse_to_assign(self: object, name: str, value: object) -> NoReturn:  # noqa: ARG001 - as Python calls it
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> NoReturn:  # noqa: ARG001 - as Python calls it
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _gives(names: tuple[str, ...]) -> Callable[[object], list[Any]]:
    def state(self: object) -> list[Any]:
        return [getattr(self, name) for name in names]

    return state


def _takes(names: tuple[str, ...]) -> Callable[[object, list[Any]], None]:
    def restore(self: object, state: list[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return restore
