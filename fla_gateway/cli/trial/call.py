"""Adapter: the arguments of `fla-gateway try`, as a call.

Owns which arguments make a call, and which fields cannot be given by hand. Refuses to send it, and to know the key.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.http1.method_labels import NAMES
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.lean_dataclass import dataclass

TRACE: Final = "BelGov-Trace-Id"
UNCHANGING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1), as far as they are forwarded."""
_LARGEST_BODY: Final = 64 * 1024 * 1024
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_VALUE: Final = re.compile(r"[\x20-\x7e\xa1-\xff]*")
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "te", "upgrade"})
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key", "proxy-authorization"})
_LITERAL: Final = ("{", "[", '"', "<")
_KEY_FILE: Final = Text("other users can read the arguments of a process: give the key with --key-file or {variable}",
                        variable="FLAGW_KEY")  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """A request without its credential.

    Attributes:
        method: of the request.
        target: path and query, from ``/REST/`` on.
        fields: names and values, in order; neither Host nor what frames the body.
        body: bytes, or None.
        body_name: file of the body as it was given; ``-`` for standard input; empty without a body.
    """

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes | None = None
    body_name: str = ""

    @property
    def trace(self) -> str:
        """The BelGov-Trace-Id by which it is found again."""
        return next(value for name, value in self.fields if name.lower() == TRACE.lower())

    @property
    def changes(self) -> bool:
        """Whether it may change something at the API."""
        return self.method not in UNCHANGING


def read_call(
    profile: str,
    method: str,
    path: str,
    fields: Sequence[str],
    *,
    body: str | None,
    content_type: str | None,
    api: str | None,
) -> Call:
    """Make a call of arguments; reads the file of the body.

    Args:
        profile: name of the profile.
        method: of the request; a registered one in any case of letters.
        path: path and query, or an address of the API or the gateway.
        fields: as ``Name: value``.
        body: name of a file, with or without ``@``; ``-`` for standard input; None without a body.
        content_type: of the body; None for JSON, if it is.
        api: host of the profile's API, with its port if that is another than 443; None where it is not known.

    Raises:
        ConfigurationError: an argument cannot be sent, or the file cannot be read.
    """
    if _TOKEN.fullmatch(method) is None:
        raise _fault("METHOD", Message("method-malformed", "is no method of HTTP"))
    known = method.upper() if method.upper().encode() in NAMES else method
    lines = [_field(it) for it in fields]
    content = None if body is None else _body(body)
    given = {name.lower() for name, _ in lines}
    if content is not None and "content-type" not in given:
        lines.append(("Content-Type", _type_of(content) if content_type is None else _type(content_type)))
    elif content_type is not None:
        raise _fault("--content-type", Message("content-type-idle", "is for a body, and its type is given once"))
    if TRACE.lower() not in given:
        lines.append((TRACE, str(uuid.uuid4())))
    name = "" if body is None else body.removeprefix("@") or "-"
    return Call(known, _target(profile, path, api), tuple(lines), content, name)


def _target(profile: str, path: str, api: str | None) -> str:
    """Find path and query from ``/REST/`` on."""
    if "://" in path:
        try:
            parts = urlsplit(path)
        except ValueError:
            raise _fault("PATH", Message("path-no-address", "is no address that can be read")) from None
        if api is not None and parts.netloc.lower() != api and not parts.path.startswith(f"/{profile}/"):
            message = Message("path-of-another-host", "is an address of another host than the profile's API")
            raise _fault("PATH", message, Text("the API of this profile is https://{api}", api=api))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
    path = path.removeprefix(f"/{profile}") if path.startswith(f"/{profile}/") else path
    if not path.startswith("/"):
        message = Message("path-not-absolute", "must begin with /, as in /REST/dimona/v2/declarations/123")
        raise _fault("PATH", message)
    if not set(path) <= set(_VISIBLE) or "#" in path:
        message = Message("path-not-encoded", "has characters that an address cannot have as they are")
        encoded = quote(path.encode("utf-8", "surrogateescape"), safe=_VISIBLE.replace("#", ""))
        raise _fault("PATH", message, Text("percent-encode them: {path}", path=encoded))
    return path


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or _TOKEN.fullmatch(name) is None or _VALUE.fullmatch(value.strip()) is None:
        # The line is not repeated: it may hold a key.
        raise _fault("-H", Message("field-malformed", "must be NAME: VALUE, without line breaks, in Latin-1 alone"))
    if name.lower() in _CREDENTIALS:
        raise _fault("-H", Message("field-of-credential", "cannot be {name}", name=name), _KEY_FILE)
    if name.lower() in _OURS:
        raise _fault("-H", Message("field-not-own", "cannot be {name}: it is set by this command", name=name))
    return name, value.strip()


def _body(name: str) -> bytes:
    """Read the body. Never an argument itself: other users can read those, and a body may have national numbers."""
    path = name.removeprefix("@")
    if path.startswith(_LITERAL) and not Path(path[:255]).exists():
        cure = Text("other users can read the arguments of a process: put it into a file, or give it on standard input "
                    "with -d -")  # fmt: skip
        raise _fault("--data", Message("body-in-place-of-path", "is a body itself, where a file is to be named"), cure)
    try:
        if path in {"", "-"}:
            content = sys.stdin.buffer.read(_LARGEST_BODY + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(_LARGEST_BODY + 1)
    except OSError as error:
        reason = reason_of(error)
        message = Message("body-unreadable", "{path} cannot be read: {reason}", path=path, reason=reason)
        raise _fault("--data", message) from None
    if len(content) > _LARGEST_BODY:
        raise _fault("--data", Message("body-too-large", "{path} is larger than 64 MiB", path=path))
    return content


def _type(given: str) -> str:
    if _VALUE.fullmatch(given.strip()) is None:
        raise _fault("--content-type", Message("content-type-malformed", "is no type: it has characters of no field"))
    return given.strip()


def _type_of(content: bytes) -> str:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return "application/octet-stream"
    return "application/json"


def _fault(place: str, message: Message, cure: Text = NOTHING) -> ConfigurationError:
    return ConfigurationError((Fault(place, message, cure),))


def shown_fields(call: Call) -> Iterator[tuple[str, str]]:
    """Give the fields of a call with the length of its body."""
    yield from call.fields
    if call.body is not None:
        yield "Content-Length", str(len(call.body))
