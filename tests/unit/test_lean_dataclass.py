"""A lean dataclass does what one of the standard library does."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from typing import Any, ClassVar

import pytest

from fla_gateway import lean_dataclass
from tests.docs.pages import ROOT


@lean_dataclass.dataclass(frozen=True, slots=True)
class Place:
    """Something that is compared, copied and pickled."""

    name: str
    number: int = 7
    notes: list[str] = dataclasses.field(default_factory=list, compare=False, repr=False)


@lean_dataclass.dataclass(slots=True)
class Open:
    """Something that may be changed."""

    name: str


def both(**options):
    """Make the same class by the standard library and by us."""

    def classes(cls):
        return [make(**options)(type(cls)(cls.__name__, cls.__bases__, dict(cls.__dict__))) for make in MAKERS]

    return classes


MAKERS = (dataclasses.dataclass, lean_dataclass.dataclass)


@both(frozen=True, slots=True, kw_only=True)
class ByName:
    first: int
    second: str = "two"


@both(frozen=True, slots=True)
class Single:
    first: object


@both(frozen=True)
class Empty:
    pass


@both(slots=True)
class Mixed:
    first: int
    third: int = dataclasses.field(kw_only=True, default=3)
    second: int = 2


@both(frozen=True, slots=True, eq=False, repr=False)
class Bare:
    first: int


@both(frozen=True, slots=True)
class Written:
    first: int

    def __repr__(self):
        return "mine"

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


@pytest.mark.parametrize("classes", [ByName, Single, Empty, Mixed, Bare, Written], ids=lambda it: it[0].__name__)
@pytest.mark.parametrize(
    ("arguments", "named"),
    [((), {}), ((1,), {}), ((1, 2), {}), ((), {"first": 1}), ((1,), {"third": 4}), ((), {"x": 1})],
)
def test_what_it_is_made_of_and_looks_like(classes, arguments, named):
    """With the same arguments both are made, or refused; they show, compare and hash alike."""
    results: list[object] = []
    for cls in classes:
        try:
            made, same, other = cls(*arguments, **named), cls(*arguments, **named), classes[0]
        except TypeError:
            results.append("refused")
            continue
        shown = repr(made) if "0x" not in repr(made) else "its address"
        hashed = cls.__hash__ is not None and hash(made) == hash(same)
        names = [field.name for field in dataclasses.fields(made)]
        results.append(
            (shown, made == same, made == other, hashed, dataclasses.asdict(made), names, cls.__match_args__)
        )
    assert results[0] == results[1]


def test_a_frozen_one_is_not_changed():
    """Neither by assignment nor by deletion, whatever the name."""
    place = Place("here")
    for change in (lambda: setattr(place, "name", "there"), lambda: delattr(place, "name")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="name"):
            change()
    assert place.name == "here"


def test_an_open_one_is_changed_and_has_no_hash():
    """As a value that may be another one tomorrow must not be a key."""
    found = Open("here")
    found.name = "there"
    assert found == Open("there")
    with pytest.raises(TypeError, match="unhashable"):
        hash(found)


def through_pickle(value):
    """Send a value as to another process."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - of this process


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, through_pickle, dataclasses.replace])
def test_it_is_copied(again):
    """A frozen one with slots as well, with the fields that are not compared."""
    place = Place("here", 8, ["a"])
    found = again(place)
    assert found is not place
    assert (found, found.notes) == (place, ["a"])


def test_a_default_of_its_own_for_each():
    """What a factory makes is not shared."""
    assert Place("here").notes is not Place("here").notes


def test_others_are_not_equal_to_it():
    """Not even with the same fields."""
    others: list[object] = [Open("here"), ("here", 7)]
    assert Place("here") not in others


def test_what_it_does_not_do_is_refused():
    """A function after the initializer would otherwise never be called, and a field without a parameter be one."""

    class Later:
        name: str

        def __post_init__(self) -> None:
            """Nothing calls it."""

    with pytest.raises(TypeError, match="__post_init__ would not be called"):
        lean_dataclass.dataclass(Later)

    class Hidden:
        name: str = dataclasses.field(init=False)

    with pytest.raises(TypeError, match="every field is one of the initializer"):
        lean_dataclass.dataclass(Hidden)

    class Shared:
        common: ClassVar[int] = 1

    with pytest.raises(TypeError, match="every annotation is a field"):
        lean_dataclass.dataclass(Shared)

    class Mutable:
        names: list[str] = []  # noqa: RUF012 - what is tested

    with pytest.raises(ValueError, match="a default that can be changed would be shared"):
        lean_dataclass.dataclass(Mutable)


def test_wrong_arguments_are_refused_by_name_of_the_class():
    """However many objects have been made before."""
    lean: Any = Single[1]  # type: ignore[misc]  # a pair, see `both`
    for _ in range(20):
        with pytest.raises(TypeError, match=r"Single\.__init__\(\) missing 1 required positional argument: 'first'"):
            lean()


def test_fields_of_a_base_come_first():
    """With its slots, and the defaults of either."""
    for make in MAKERS:
        base: type = make(frozen=True, slots=True)(
            type("Base", (), {"__annotations__": {"first": "int", "second": "int"}, "second": 2})
        )
        derived: Any = make(frozen=True, slots=True)(
            type("Derived", (base,), {"__annotations__": {"third": "int"}, "third": 3})
        )
        found = derived(1, third=4)
        assert (found.first, found.second, found.third) == (1, 2, 4)
        assert [it.name for it in dataclasses.fields(found)] == ["first", "second", "third"]
        assert derived.__slots__ == ("third",)


def test_the_first_objects_are_as_the_later_ones():
    """The initializer is written after some of them; whatever the arguments, nothing else changes."""
    made = [Place("here", notes=["a"]) for _ in range(20)]
    assert made == [Place("here", 7)] * 20
    assert all(it.notes == ["a"] for it in made)


@pytest.mark.source
def test_modules_use_it():
    """A class of the standard library's kind would cost a start a millisecond. `http1` and `sandbox` may not."""
    wrong = []
    for path in (ROOT / "fla_gateway").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if module.startswith(("fla_gateway.http1.", "fla_gateway.sandbox.")) or module == lean_dataclass.__name__:
            continue
        imports = [it for it in ast.walk(ast.parse(path.read_text())) if isinstance(it, ast.ImportFrom)]
        if any(it.module == "dataclasses" and "dataclass" in {name.name for name in it.names} for it in imports):
            wrong.append(module)
    assert wrong == []
