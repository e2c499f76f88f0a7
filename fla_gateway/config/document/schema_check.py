"""Rule: a document held against the schema.

Owns the way from TOML's values to the tables of `config.schema`: strict types, no unknown keys, every misfit of a
document at once. Refuses to know the schema's tables and the sentences for misfits (`schema_errors`), and to keep any
value that does not fit: it may be a secret that was put in the wrong place.

A library such as pydantic is not used: its modules and classes were 9.5 MB of a process that reads its configuration
once, and turning its errors into sentences took more lines than the few kinds of types that the schema has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from fla_gateway.config.document.schema_fields import TableField, table_fields
from fla_gateway.config.values.constraints import After, Before, Bounds
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

Place = tuple[str | int, ...]
T = TypeVar("T")


class Misfit(NamedTuple):
    """One thing that does not fit.

    Attributes:
        path: of keys, to where it is.
        kind: a word for what is wrong.
        details: what belongs into the sentence about it; nothing of the value.
    """

    path: Place
    kind: str
    details: Mapping[str, Any] = {}


class MisfitsError(Exception):
    """A document does not fit the schema; has all misfits."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        """Take them; at least one."""
        super().__init__(f"{len(misfits)} misfits")
        self.misfits = tuple(misfits)


@dataclass(slots=True)
class _Check:
    """A check of one document.

    Attributes:
        misfits: those found so far.
    """

    misfits: list[Misfit]

    def fails(self, path: Place, kind: str, **details: object) -> None:
        """Note a misfit."""
        self.misfits.append(Misfit(path, kind, details))


_Judge = Callable[[_Check, Place, Any], Any]
"""Notes the misfits of a value at a path, or returns what the schema makes of it."""


def check(table: type[T], document: Mapping[str, Any]) -> T:
    """Make a table of a document.

    Args:
        table: a dataclass of the schema.
        document: as TOML has it; it is not changed, and its lists and dictionaries are not kept.

    Raises:
        MisfitsError: with every misfit.
    """
    found = _Check([])
    kind: Any = table
    made = _judge_of(kind)(found, (), document)
    if found.misfits:
        raise MisfitsError(found.misfits)
    if not isinstance(made, table):
        raise TypeError("a document that fits is a table")
    return made


@cache
def _judge_of(hint: Any) -> _Judge:
    """Make the judge of a type; of the schema's few kinds of types there is one for each."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in {Union, UnionType}:
        return _union(arguments)
    if origin is Literal:
        return _literal(arguments)
    if origin is list:
        return _list(_judge_of(arguments[0]))
    if origin is dict:
        return _dictionary(_judge_of(arguments[0]), _judge_of(arguments[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return _table(hint)
    return _PLAIN[hint]


def _whole_number(check: _Check, path: Place, value: Any) -> Any:
    return value if type(value) is int else check.fails(path, "int_type")


def _number(check: _Check, path: Place, value: Any) -> Any:
    if type(value) not in {int, float}:
        return check.fails(path, "float_type")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return number if math.isfinite(number) else check.fails(path, "finite_number")


def _exactly(kind: type, name: str) -> _Judge:
    def judge(check: _Check, path: Place, value: Any) -> Any:
        return value if isinstance(value, kind) else check.fails(path, name)

    return judge


_PLAIN: Final[Mapping[Any, _Judge]] = {
    bool: _exactly(bool, "bool_type"),
    int: _whole_number,
    float: _number,
    str: _exactly(str, "string_type"),
    # TOML has no paths: a validator before has made one.
    Path: _exactly(Path, "string_type"),
    # As a path.
    Secret: _exactly(Secret, "string_type"),
}


def _literal(words: tuple[Any, ...]) -> _Judge:
    shown = [repr(word) for word in words]
    expected = Text("{words} or {last}", words=", ".join(shown[:-1]), last=shown[-1]) if shown[1:] else shown[0]

    def judge(check: _Check, path: Place, value: Any) -> Any:
        if isinstance(value, str) and value in words:
            return value
        return check.fails(path, "literal_error", expected=expected, words=words)

    return judge


def _union(kinds: tuple[Any, ...]) -> _Judge:
    """Judge a type that may be left out, and one of two forms of which one is a text."""
    forms = [kind for kind in kinds if kind is not NoneType]
    judges = [(_judge_of(form), get_args(form)[0] if get_origin(form) is Annotated else form) for form in forms]

    def judge(check: _Check, path: Place, value: Any) -> Any:
        if value is None and NoneType in kinds:
            return None
        fitting = (it for it, form in judges if (form is str) == isinstance(value, str))
        return next(fitting, judges[0][0])(check, path, value)

    return judge


def _list(entry: _Judge) -> _Judge:
    def judge(check: _Check, path: Place, value: Any) -> Any:
        if not isinstance(value, list):
            return check.fails(path, "list_type")
        return [entry(check, (*path, index), one) for index, one in enumerate(value)]

    return judge


def _dictionary(name: _Judge, entry: _Judge) -> _Judge:
    def judge(check: _Check, path: Place, value: Any) -> Any:
        if not isinstance(value, dict):
            return check.fails(path, "dict_type")
        return {name(check, (*path, key), key): entry(check, (*path, key), one) for key, one in value.items()}

    return judge


def _table(table: type) -> _Judge:
    known = {it.key: it for it in table_fields(table)}
    judges: dict[str, _Judge] = {}

    def judge(check: _Check, path: Place, value: Any) -> Any:
        if isinstance(value, table):
            return value
        if not isinstance(value, dict):
            return check.fails(path, "table_type")
        before = len(check.misfits)
        made = dict(_values(check, path, value, known.values(), judges))
        for key in value:
            if key not in known:
                check.fails((*path, key), "unknown_key")
        return table(**made) if len(check.misfits) == before else None

    return judge


def _values(
    check: _Check, path: Place, value: Mapping[str, Any], known: Iterable[TableField], judges: dict[str, _Judge]
) -> Iterator[tuple[str, Any]]:
    """Judge what a table has of the known keys, in the schema's order; judges are kept, as types are slow to hash."""
    for it in known:
        if it.key in value:
            if it.key not in judges:
                judges[it.key] = _judge_of(it.hint)
            yield it.name, judges[it.key](check, (*path, it.key), value[it.key])
        elif it.required:
            check.fails((*path, it.key), "missing")


def _annotated(kind: Any, marks: tuple[Any, ...]) -> _Judge:
    inner = _judge_of(kind)
    befores = [mark.change for mark in marks if isinstance(mark, Before)]
    limits = [limit for mark in marks if isinstance(mark, Bounds) for limit in _limits(mark, text=kind is str)]
    afters = [mark.change for mark in marks if isinstance(mark, After)]

    def judge(check: _Check, path: Place, value: Any) -> Any:
        before = len(check.misfits)
        try:
            for change in befores:
                value = change(value)
            value = inner(check, path, value)
            for fits, misfit, details in limits:
                if len(check.misfits) == before and not fits(value):
                    check.fails(path, misfit, **details)
            for change in afters:
                if len(check.misfits) == before:
                    value = change(value)
        except InvalidValueError as error:
            check.fails(path, "unfit", message=error.message)
        return value

    return judge


_Limit = tuple[Callable[[Any], bool], str, Mapping[str, Any]]


def _limits(bounds: Bounds, *, text: bool) -> Iterator[_Limit]:
    """List what a value must keep to, with the misfit of one that does not."""
    gt, ge, lt, le, least = bounds.gt, bounds.ge, bounds.lt, bounds.le, bounds.min_length
    if gt is not None:
        yield (lambda it: it > gt), "greater_than", {"gt": gt}
    if ge is not None:
        yield (lambda it: it >= ge), "greater_than_equal", {"ge": ge}
    if lt is not None:
        yield (lambda it: it < lt), "less_than", {"lt": lt}
    if le is not None:
        yield (lambda it: it <= le), "less_than_equal", {"le": le}
    if least:
        yield (lambda it: len(it) >= least), "text_too_short" if text else "too_short", {}
    if bounds.pattern:
        match = re.compile(bounds.pattern).fullmatch
        yield (lambda it: match(it) is not None), "pattern", {"pattern": bounds.pattern}
