"""The grammar of RFC 9110 and RFC 9112 as compiled patterns.

Owns which bytes a message may be made of. Refuses to know what the message means.

Every quantifier is possessive: a head either matches in one pass or is refused, and no input can make a pattern look
twice at the same byte.
"""

from __future__ import annotations

import re
from typing import Final

# RFC 9110, section 5.6.2: tchar
TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
# RFC 9110, section 5.5: field-vchar and the spaces between; obs-text is kept as it came. No CR, LF, NUL or other
# control.
FIELD_TEXT: Final = rb"[\t\x20-\x7e\x80-\xff]"
FIELD_LINE: Final = TOKEN + rb"++:" + FIELD_TEXT + rb"*+\r\n"

# RFC 9112, section 3: method SP request-target SP HTTP-version; every form of target is taken apart later.
REQUEST_LINE: Final = re.compile(rb"(" + TOKEN + rb"++) ([\x21-\x7e]++) HTTP/([0-9])\.([0-9])\r\n").fullmatch
# RFC 9112, section 4: the reason phrase may be empty; the space before it may be missing, which real servers do.
# Without its CRLF: minor version, status, reason.
STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: (" + FIELD_TEXT + rb"*+))?").fullmatch
# A single field line without its CRLF: its name, and the rest from the colon on.
FIELD: Final = re.compile(rb"(" + TOKEN + rb"++)(:" + FIELD_TEXT + rb"*+)").fullmatch
# A whole response head without a judgement on the field lines and on control characters of the reason, which may want
# repair.
RESPONSE_START: Final = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\x00\r\n]*+))?\r\n((?s:.*))\r\n",
).fullmatch
# RFC 9112, section 2.1: *( field-line CRLF ) CRLF
FIELD_BLOCK: Final = re.compile(rb"(?:" + FIELD_LINE + rb")*+\r\n").fullmatch
# A line of a block that matched FIELD_BLOCK: its name, and the rest from the colon to the line's end. What has matched
# needs no second look at each character; to look for one character alone is several times as fast.
FIELDS: Final = re.compile(rb"([^:]++)(:[^\r]*+\r\n)").findall

# RFC 9110, section 5.6.4: quoted-string, of qdtext and quoted-pair.
_QUOTED: Final = rb"\"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+\""
# RFC 9112, section 7.1.1: *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
_CHUNK_EXT: Final = (
    rb"(?:[ \t]*+;[ \t]*+" + TOKEN + rb"++(?:[ \t]*+=[ \t]*+(?:" + TOKEN + rb"++|" + _QUOTED + rb"))?+)*+"
)
# RFC 9112, section 7.1: chunk-size [ chunk-ext ]. 15 digits are beyond any chunk and within 64 bits.
CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})" + _CHUNK_EXT).fullmatch
# As above, and the spaces that some servers fill the size up with; in an answer they cannot hide a second request.
CHUNK_SIZE_PADDED: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*+" + _CHUNK_EXT).fullmatch
# As far as the size can be read, whatever follows its semicolon.
CHUNK_SIZE_ODD: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*+;" + FIELD_TEXT + rb"*+").fullmatch

# RFC 9110, section 7.2 and RFC 3986, section 3.2: uri-host [ ":" port ]
HOST: Final = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]++\]|[0-9A-Za-z\-._~!$&'()*+,;=%]*+)(?::[0-9]{0,5})?",
).fullmatch
# What no part of a head may hold, as soon as it is seen: a line feed without its carriage return and the reverse, NUL.
# A carriage return that ends the bytes seen so far may still get its line feed.
STRAY: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\x00").search
# Where the head of a response ends for a reader that takes a bare line feed for the end of a line (RFC 9112, section
# 2.2), and goes on for one that does not.
EARLY_END: Final = re.compile(rb"\n\n|(?<!\r)\n\r\n").search
# RFC 9110, section 5.5: the characters of a value that are no field-vchar, space or tab.
CONTROLS: Final = bytes({*range(0x20), 0x7F} - {0x09})
