"""Rule: on which line of a TOML file a key is written.

Owns a scan for heads of tables and for keys, which is no parser: tomllib has read the file already and gives no
positions. Refuses to guess: where the scan is not sure, there is no number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

_PART: Final = r'(?:[A-Za-z0-9_-]+|"[^"\\]*"|\'[^\']*\')'
_KEY: Final = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEAD: Final = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]\]?[ \t]*(?:#.*)?").fullmatch
_PAIR: Final = re.compile(rf"[ \t]*({_KEY})[ \t]*=").match
_PARTS: Final = re.compile(_PART).findall
_STEPS: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]").findall
# A text, whole on its line, or a comment; what is left of a line are brackets, names and numbers.
_CLOSED: Final = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')
_OPEN: Final = ('"""', "'''")
# A list with one text on each line, as lists of requests that are permitted are written.
_LIST_BEGINS: Final = re.compile(r"[ \t]*\[[ \t]*(?:#.*)?").fullmatch
_ENTRY: Final = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*')[ \t]*,?[ \t]*(?:#.*)?""").fullmatch
_BETWEEN: Final = re.compile(r"[ \t]*(?:#.*)?").fullmatch

_Path = tuple[str | int, ...]


class Lines:
    """The lines of one file."""

    def __init__(self, text: str) -> None:
        """Scan a file that tomllib has read without fault."""
        self._known: dict[_Path, int] = {}
        self._broad: set[_Path] = set()
        self._implied: dict[_Path, int] = {}
        for number, path, whole in _scan(text):
            self._known.setdefault(path, number)
            for length in range(1, len(path)):
                self._implied.setdefault(path[:length], number)
            if not whole:
                self._broad.add(path)

    def find(self, path: str) -> int:
        """Return the line of a key, or of the nearest table around it; 0 where that is not sure.

        Args:
            path: in the notation of faults, for example ``profiles.employer.scope[1]``.
        """
        return self._nearest(path)[1]

    def _nearest(self, path: str) -> tuple[int, int]:
        """Return how many steps of the path are written in this file, and the line of the last one, or 0."""
        steps: _Path = tuple(int(index) if index else name for name, index in _STEPS(path))
        if steps not in self._known and steps in self._implied:
            # [profile.x] makes `profile` as well. For what is not written at all, it would be some other table's line.
            return len(steps), self._implied[steps]
        for length in range(len(steps), 0, -1):
            at = steps[:length]
            if at in self._known:
                # What is within a value of several lines may be on any of them.
                return length, 0 if length < len(steps) and at in self._broad else self._known[at]
        return 0, 0

    @staticmethod
    def find_in(files: Mapping[str, Lines], path: str) -> tuple[str, int]:
        """Return which of several files has a key, or most of the way to it, and its line there, or 0.

        Args:
            files: by name, the first one first, which is meant if none has any of it.
            path: as for `find`.
        """
        found = {name: lines._nearest(path) for name, lines in files.items()}  # noqa: SLF001 - of its own class
        name = max(found, key=lambda it: found[it][0])
        return name, found[name][1]


def _scan(text: str) -> Iterator[tuple[int, _Path, bool]]:
    """Yield line, path, and whether the value is whole on that line; a head of a table is."""
    table: _Path = ()
    counts: Counter[_Path] = Counter()
    depth, quote = 0, ""
    entry: _Path | None = None  # the next one of a list, as long as each has had a line of its own
    for number, line in enumerate(text.splitlines(), 1):
        if quote or depth:
            if entry is not None and _ENTRY(line):
                yield number, entry, True
                entry = (*entry[:-1], int(entry[-1]) + 1)
            elif not _BETWEEN(line):
                entry = None
            depth, quote = _after(line, depth, quote)
            continue
        if (head := _HEAD(line)) is not None:
            table = tuple(part.strip("\"'") for part in _PARTS(head[2]))
            if head[1] == "[[":
                counts[table] += 1
                table = (*table, counts[table] - 1)
            yield number, table, True
        elif (pair := _PAIR(line)) is not None:
            depth, quote = _after(line[pair.end() :], 0, "")
            path = (*table, *(part.strip("\"'") for part in _PARTS(pair[1])))
            entry = (*path, 0) if _LIST_BEGINS(line[pair.end() :]) else None
            yield number, path, not (depth or quote)


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets are open after a line, and which quotes of a text of several lines."""
    while True:
        if quote:
            _, found, line = line.partition(quote)
            if not found:
                return depth, quote
            quote = ""
        found_at = next((it for it in _CLOSED.finditer(line) if it[0] in _OPEN), None)
        before = line if found_at is None else line[: found_at.start()]
        bare = _CLOSED.sub("", before)
        depth = max(0, depth + bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}"))
        if found_at is None:
            return depth, ""
        quote, line = found_at[0], line[found_at.end() :]
