"""Rule: dataclasses that are made in a tenth of the time, and take less memory.

Owns `dataclass`, which means what that of the standard library means. Refuses functions that run after the initializer,
order and weak references, which the gateway does not use, and annotations that are no fields.

The standard library writes six functions for each frozen class and compiles their text: 1 ms of a processor in Python
3.11, a fifth of a start that imports more than a hundred of them. Here the functions are the same for all classes. An
initializer is written when its class has been used some times: most values of a start are made once.
"""

from __future__ import annotations

from dataclasses import _FIELD, MISSING, Field, FrozenInstanceError, field  # type: ignore[attr-defined]  # see `_field`
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn

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
            parts = _fields(cls, kw_only=kw_only)
            # First of all to this class: mypyc, which makes a native one of it, drops another that is returned.
            for name, function in _functions(tuple(parts.values()), frozen=frozen, eq=eq, shown=repr, slots=slots):
                if name not in own:
                    setattr(cls, name, function)
            return _with_slots(cls, parts) if slots else cls

        return made if cls is None else made(cls)


_OFTEN: Final = 8
"""How many objects of a class are made before its initializer is written: that takes as long as fifty of them."""
_NO_FIELDS: Final = frozenset({"ClassVar", "InitVar", "KW_ONLY"})
_OF_NO_SLOTS: Final = frozenset({"__dict__", "__weakref__"})


def _fields(cls: Any, *, kw_only: bool) -> dict[str, Field[Any]]:
    """Find the fields of a class and of its bases, and leave their defaults in it."""
    found: dict[str, Field[Any]] = {}
    for base in cls.__mro__[-1:0:-1]:
        found |= base.__dict__.get("__dataclass_fields__", {})
    for name, kind in cls.__annotations__.items():
        found[name] = part = _field(cls, name, kind, kw_only=kw_only)
        if part.default is not MISSING:
            setattr(cls, name, part.default)
        elif name in cls.__dict__:
            delattr(cls, name)
    # By this name `fields`, `replace` and `asdict` of the standard library know them.
    cls.__dataclass_fields__ = found
    setattr(cls, "__match_args__", tuple(name for name, part in found.items() if not part.kw_only))  # noqa: B010 - mypy
    return found


def _field(cls: Any, name: str, kind: object, *, kw_only: bool) -> Field[Any]:
    """Return a field as the standard library makes it: what it has no parameter for is set there as well."""
    if str(kind).partition("[")[0].rpartition(".")[2] in _NO_FIELDS:
        raise TypeError(f"{cls.__qualname__}.{name}: every annotation is a field")
    value = cls.__dict__.get(name, MISSING)
    part: Any = value if isinstance(value, Field) else field(default=value)
    if not part.init:
        raise TypeError(f"{cls.__qualname__}.{name}: every field is one of the initializer")
    if type(part.default).__hash__ is None:
        raise ValueError(f"{cls.__qualname__}.{name}: a default that can be changed would be shared")
    part.name, part.type, part._field_type = name, kind, _FIELD  # noqa: SLF001 - by which `fields` knows one
    if part.kw_only is MISSING:
        part.kw_only = kw_only
    return part  # type: ignore[no-any-return]  # a field, as was found or made above


def _with_slots(cls: Any, parts: dict[str, Field[Any]]) -> Any:
    """Make the class anew, since slots cannot be added to one."""
    inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
    content = {name: it for name, it in cls.__dict__.items() if name not in parts and name not in _OF_NO_SLOTS}
    found = type(cls)(
        cls.__name__, cls.__bases__, {**content, "__slots__": tuple(it for it in parts if it not in inherited)}
    )
    found.__qualname__ = cls.__qualname__
    return found


def _functions(
    parts: tuple[Field[Any], ...], *, frozen: bool, eq: bool, shown: bool, slots: bool
) -> Iterator[tuple[str, Any]]:
    yield "__init__", _initializer_on_demand(parts, frozen=frozen)
    if shown:
        yield "__repr__", _shows(tuple(it.name for it in parts if it.repr))
    if eq:
        values = _values(tuple(it.name for it in parts if it.compare))
        yield "__eq__", _equals(values)
        yield "__hash__", _hashes(values) if frozen else None
    if frozen:
        yield "__setattr__", _refuse_to_assign
        yield "__delattr__", _refuse_to_delete
        if slots:  # without slots, and where it may be changed, Python copies it by itself
            names = tuple(it.name for it in parts)
            yield "__getstate__", _gives(names)
            yield "__setstate__", _takes(names)


def _initializer_on_demand(parts: tuple[Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    """Return an initializer for the first objects; the one that is written then is as fast as ever."""
    given = tuple(it.name for it in parts if not it.kw_only)
    left = _OFTEN

    def initialize(self: object, *arguments: object, **named: object) -> None:
        nonlocal left
        left -= 1
        values = dict(zip(given, arguments, strict=False)) | named
        whole = _complete(parts, values) if len(values) == len(arguments) + len(named) else None
        if whole is None or left < 0:
            # It also raises what is to be raised about wrong arguments.
            written = _initializer(parts, frozen=frozen)
            cls: Any
            for cls in type(self).__mro__:
                if cls.__dict__.get("__init__") is initialize:
                    written.__qualname__ = f"{cls.__qualname__}.__init__"
                    cls.__init__ = written
            written(self, *arguments, **named)
            return
        for name, value in whole:
            object.__setattr__(self, name, value)

    return initialize


def _complete(parts: tuple[Field[Any], ...], values: dict[str, object]) -> list[tuple[str, object]] | None:
    """Add defaults to the values of some fields; None where one is missing, or has a name that is none of a field."""
    whole: list[tuple[str, object]] = []
    for part in parts:
        if part.name in values:
            whole.append((part.name, values.pop(part.name)))
        elif part.default is not MISSING:
            whole.append((part.name, part.default))
        elif part.default_factory is not MISSING:
            whole.append((part.name, part.default_factory()))
        else:
            return None
    return None if values else whole


def _initializer(parts: tuple[Field[Any], ...], *, frozen: bool) -> Callable[..., None]:
    """Write the initializer as the standard library does."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": MISSING}
    given, by_name, lines = ["self"], ["*"], ["pass"]
    for part in parts:
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
    return names["__init__"]  # type: ignore[no-any-return]  # a function, as was written above


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
