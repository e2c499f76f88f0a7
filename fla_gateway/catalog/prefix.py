"""Rule: what a path prefix may look like.

Owns the grammar of the prefixes that narrow a profile. Refuses to know requests; how a path is matched against a prefix
is `proxy`'s.
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message

# One spelling per path: no percent-encoding, no path parameters (";"), no empty and no dot segments. Code that compares
# prefixes with paths must never have to ask which of two readings a server takes.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@-]+")


def parse_prefix(text: str) -> str:
    """Read a literal prefix such as ``/REST/dimona/v2``; one slash at the end is taken off.

    Raises:
        ValueError: with a sentence for the person who wrote the text; the text is not in it.
    """
    prefix = text.removesuffix("/")
    if not prefix.startswith("/REST/"):
        raise InvalidValueError(Message("prefix-outside-rest", "must begin with /REST/ and name a service after it"))
    segments = prefix.split("/")[1:]
    if any(segment in {".", ".."} for segment in segments):
        raise InvalidValueError(Message("prefix-with-dots", "must have no . or .. segments"))
    if not all(map(_SEGMENT.fullmatch, segments)):
        raise InvalidValueError(
            Message("prefix-malformed", "must be plain ASCII segments, without %, ;, //, ?, #, \\ or spaces")
        )
    if segments[1].lower() == "oauth":
        raise InvalidValueError(
            Message("prefix-of-token-server", "must not reach into /REST/oauth, which the gateway never forwards to")
        )
    return prefix
