"""Rule: what a path prefix may look like.

Owns the grammar of the prefixes that narrow a profile. Refuses to know requests; how a path is matched against a prefix
is `proxy`'s.
"""

from __future__ import annotations

import re
from typing import Final

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
        raise ValueError("must begin with /REST/ and name a service after it")
    segments = prefix.split("/")[1:]
    if any(segment in {".", ".."} for segment in segments):
        raise ValueError("must have no . or .. segments")
    if not all(map(_SEGMENT.fullmatch, segments)):
        raise ValueError("must be plain ASCII segments, without %, ;, //, ?, #, \\ or spaces")
    if segments[1].lower() == "oauth":
        raise ValueError("must not reach into /REST/oauth, which the gateway never forwards to")
    return prefix
