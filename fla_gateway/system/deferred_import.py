"""Adapter: what a library imports and compiles at its head, and this process may never use, is made when it is used.

Owns what takes the places of modules and regular expressions meanwhile. Refuses to know which libraries it is worth
for, and imports nothing itself: measured in memory, `email.policy` alone is 0.9 MB.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Let what is imported in the block have modules by name that are not imported yet.

    What the block takes from one of them may be called, have attributes and be a class to `isinstance`. It cannot be
    the base of a class or part of a type. After the block, others import the modules as ever.
    """
    places = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(places)
    try:
        yield
    finally:
        for name, place in places.items():
            place.is_open = True
            if sys.modules.get(name) is place:
                del sys.modules[name]


@contextmanager
def patterns_deferred() -> Iterator[None]:
    """Let modules that are imported in the block, and were not before, compile a regular expression when they use it.

    They call `re.compile` as an attribute; all else of `re` is what it is.
    """
    sys.modules["re"] = _Patterns("re")
    try:
        yield
    finally:
        sys.modules["re"] = re


class _Patterns(ModuleType):
    """Takes the place of `re`, in a module that keeps it."""

    def __getattr__(self, name: str) -> object:
        return getattr(re, name)

    @staticmethod
    def compile(pattern: str | bytes, flags: int = 0) -> _Pattern:
        """Remember what is to be compiled."""
        return _Pattern(pattern, flags)


class _Pattern:
    """A regular expression that has not been compiled."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._compile = partial(re.compile, pattern, flags)

    def __getattr__(self, name: str) -> object:
        found = getattr(self._compile(), name)
        # The next use finds it here.
        setattr(self, name, found)
        return found


class _Later(ModuleType):
    """Takes the place of a module: gives names in the block, and the module's own afterwards."""

    is_open = False

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # of the import system, which asks for what a module may lack
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name) if self.is_open else _Name(self.__name__, name)


class _Name:
    """A name of a module that has not been imported."""

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def _found(self) -> object:
        module, name = self._place
        return getattr(import_module(module), name)

    def __call__(self, *arguments: object, **named: object) -> object:
        return self._found()(*arguments, **named)  # type: ignore[operator]  # of a library, which knows what it calls

    def __getattr__(self, name: str) -> object:
        return getattr(self._found(), name)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self._found())  # type: ignore[arg-type]  # as above
