"""Adapter: one configuration file becomes a document, or faults that say why not.

Owns decoding and TOML syntax, and the words for a file that cannot be read. Refuses to know what the keys mean.
"""

from __future__ import annotations

import glob
import re
import tomllib
from pathlib import Path
from typing import Any, Final

from fla_gateway.config.document.file_identity import LARGEST
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import NOTHING, Message, Text, text_from

_BOM_16: Final = (b"\xff\xfe", b"\xfe\xff")
_POSITION: Final = re.compile(r"\((at [^()]*)\)$")
_TWICE: Final = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot define", "Duplicate inline")
_LINE: Final = re.compile(r"at line (\d+)").match
_COLUMN: Final = re.compile(r"at line (\d+), column (\d+)").match
_QUOTE_HINT: Final = Text("text is written in quotes, a path with backslashes in 'single quotes'")
_NAME_HINT: Final = Text("names have the letters a to z, digits, hyphens and underscores")
_HEAD_HINT: Final = Text("close the name of the table with ]")
_INLINE_HINT: Final = Text("a table in {{ }} is written on one line, without a comma at its end")
_TEXT_HINT: Final = Text("a text ends on the line on which it begins, with the same quote")
_ONE_EACH: Final = Text("each key has a line of its own; behind its value there is at most a comment, with #")
_NEITHER: Final = Text("TOML has lines such as key = value, and comments that begin with #")
_CURES: Final[dict[str, Text]] = {
    Text("Invalid value"): _QUOTE_HINT,
    Text("Expected newline or end of document after a statement"): _QUOTE_HINT,
    Text("Unescaped '\\' in a string"): _QUOTE_HINT,
    Text("Expected '=' after a key in a key/value pair"): _NAME_HINT,
    Text("Expected ']' at the end of a table declaration"): _NAME_HINT,
    Text("Expected ']]' at the end of an array declaration"): _NAME_HINT,
    Text("Invalid initial character for a key part"): _INLINE_HINT,
    Text("Unclosed inline table"): _INLINE_HINT,
    Text("Illegal character '\\n'"): _TEXT_HINT,
    Text("Unterminated string"): _TEXT_HINT,
    Text("Unclosed array"): Text("a comma is between two entries of a list, and ] at its end"),
    Text("Invalid statement"): _NEITHER,
    Text("Invalid date or datetime"): Text("a date is written as 2027-06-30"),
    Text("Invalid hex value"): NOTHING,
    Text("Escaped character is not a Unicode scalar value"): NOTHING,
}
"""The parser's own reasons that quote nothing of the file, and what helps with each."""
_SPACE_HINT: Final = Text("the space there is not an ordinary one, as when a text was pasted; write it anew")
_AT: Final[tuple[tuple[str, str, Text], ...]] = (
    (
        "",
        "[\u2018-\u201f\u00ab\u00bb\u2032\u2033\u00b4`]",
        Text("the quotes there are those of a word processor; write straight ones"),
    ),
    ("", "[\u00a0\u2000-\u200d\u202f\u2060\u3000\ufeff]", _SPACE_HINT),
    ("Expected '='", ":", Text("write = instead of the colon")),
    ("Expected newline", "[;,]", _ONE_EACH),
    ("Expected ']", "[\r\n]", _HEAD_HINT),
    (
        "Invalid value",
        "(?i:true|false|yes|no|on|off)\\b",
        Text("write true or false, in lower case and without quotes"),
    ),
    ("Invalid statement", "<", Text("this is a web page; download the file itself")),
)
"""What is at the place where the parser stopped, by how its reason begins, and what helps then."""
_KEEP_ONE: Final = Text("keep one of the two")
_SAVE: Final = Text("save it as UTF-8")


def read_document(path: Path, label: str, files: FileSnapshot) -> dict[str, Any]:
    """Read a TOML file; a byte order mark and CRLF are taken as they come.

    Args:
        path: the file.
        label: how faults call the file.
        files: reads it.

    Raises:
        ConfigurationError: with one fault; nothing of the file's content is in it.
    """
    text = _decode(_read(path, label, files), label)
    try:
        return tomllib.loads(text)
    except ValueError as error:
        fault = _syntax_fault(str(error), label, text)
    except RecursionError:
        fault = Fault("", Message("toml-too-deep", "the file is not valid TOML: it nests too deeply"), file=label)
    raise ConfigurationError((fault,))


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern may rightly mean no file at all."""
    return glob.has_magic(pattern)


def _syntax_fault(words: str, label: str, text: str) -> Fault:
    # The parser's own words may quote the file, so only the position and what is known to be harmless are taken over.
    position = _POSITION.search(words)
    where = _where(position[1]) if position else NOTHING
    found = _LINE(position[1]) if position else None
    line = int(found[1]) if found else 0
    if words.startswith(_TWICE):
        twice = Message("toml-written-twice", "a key or table is written twice{where}", where=where)
        return Fault("", twice, _KEEP_ONE, label, line)
    reason = words[: position.start()].strip() if position else words
    known = next((it for it in _CURES if it == reason), None)
    shown = NOTHING if known is None else text_from(": {reason}", {"reason": known})
    message = Message("toml-malformed", "the file is not valid TOML{reason}{where}", reason=shown, where=where)
    return Fault("", message, _cure(reason, text, position[1] if position else ""), label, line)


def _cure(reason: str, text: str, position: str) -> Text:
    """Choose what helps, by the parser's reason and by what is in the text where it stopped; nothing is quoted."""
    found = _COLUMN(position)
    lines = text.replace("\r\n", "\n").split("\n")
    here = lines[int(found[1]) - 1][int(found[2]) - 1 :] if found else ""
    for beginning, there, cure in _AT:
        if reason.startswith(beginning) and re.match(there, here or "\n"):
            return cure
    return _CURES.get(reason, _QUOTE_HINT)


def _where(position: str) -> Text:
    """Say where the parser stopped: it says so as 'at line 1, column 2', or 'at end of document'."""
    found = _COLUMN(position)
    if found is None:
        return Text(" (at end of document)")
    return Text(" (at line {line}, column {column})", line=int(found[1]), column=int(found[2]))


def _read(path: Path, label: str, files: FileSnapshot) -> bytes:
    try:
        content = files.read(path)
        if len(content) <= LARGEST:
            return content
        message = Message(
            "file-too-large",
            "the file is larger than {largest} MiB, so it is no configuration",
            largest=LARGEST >> 20,
        )
        fault = Fault("", message, Text("check the path"), label)
    except FileNotFoundError:
        cure = Text("looked for at {path}; --config FILE names another", path=str(path.absolute()))
        fault = Fault("", Message("file-not-found", "there is no such file"), cure, label)
    except PermissionError:
        message = Message("file-not-permitted", "the file may not be read by the user that runs the gateway")
        fault = Fault("", message, Text("check its owner and mode"), label)
    except IsADirectoryError:
        fault = Fault("", Message("file-is-directory", "this is a directory, not a file"), file=label)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else Text("not a possible file name")
        fault = Fault("", Message("file-unreadable", "the file cannot be read: {reason}", reason=reason), file=label)
    raise ConfigurationError((fault,))


def _decode(data: bytes, label: str) -> str:
    if data.startswith(_BOM_16):
        message = Message("file-in-utf-16", "the file is in UTF-16, TOML is UTF-8")
        raise ConfigurationError((Fault("", message, _SAVE, label),))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = Message(
            "file-not-utf-8",
            "the file is not UTF-8 (at line {line}); it may have been saved in a Windows code page",
            line=line,
        )
    raise ConfigurationError((Fault("", message, _SAVE, label),))
