"""Rule: what a token server's answer means (RFC 6749, sections 5.1 and 5.2), whatever it really sent.

Owns the reading of tokens and refusals. Refuses to know how the answer travelled. Nothing raised or returned here
repeats a piece of the assertion, and the token leaves only as a `Secret`.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Callable
from typing import Final

from fla_gateway.errors import ProblemError
from fla_gateway.http1.retry_after import retry_after_seconds
from fla_gateway.i18n.message import NOTHING as NO_TEXT
from fla_gateway.i18n.message import Text, joined
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.error_response import printable, quotable
from fla_gateway.oauth.likely_causes import NOTHING, Known, explain, missing_right
from fla_gateway.secret import Secret

LARGEST_ANSWER: Final = 65_536
"""Bytes of an answer's body, before and after decompression."""
LONGEST_TOKEN: Final = 16_384
"""Characters of a token; a longer one fits into no request head."""
ASSUMED_LIFETIME: Final = 60.0
"""Seconds, where `expires_in` says nothing usable: never one fetch per request."""
LONGEST_LIFETIME: Final = 86_400.0
"""Seconds for which a token is taken to be valid at most."""

_B64TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_BEARER: Final = frozenset({"bearer", "bearertoken"})
"""Values of token_type, in lower case. BearerToken is what the OAuth policy of an API gateway in wide use writes."""
_SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*")
_SECONDS: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]{1,255}(?=[/?#]|\Z)")
_WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""The parameter of zlib for each content coding (RFC 9110, section 8.4.1): the formats gzip and zlib."""
_BEFORE: Final = codecs.BOM_UTF8 + b" \t\r\n"
"""What may precede the first character of a document."""
_TRANSIENT_STATUSES: Final = frozenset({408, 425})
"""Request Timeout (RFC 9110, section 15.5.9) and Too Early (RFC 8470): they ask for the same request once more."""
_TRANSIENT_ERRORS: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


@dataclass(frozen=True, slots=True, repr=False)
class TokenAnswer:
    """An answer of the token endpoint, as far as its meaning depends on it.

    Attributes:
        status: status code.
        body: content, at most `LARGEST_ANSWER` bytes, as it came.
        content_type: Content-Type, or empty.
        content_encoding: Content-Encoding, or empty.
        retry_after: Retry-After as received, or None.
        location: Location as received, or None.
        date: the server's clock in seconds since the epoch, or the host's where Date is missing or unreadable.
    """

    status: int
    body: bytes
    content_type: str = ""
    content_encoding: str = ""
    retry_after: str | None = None
    location: str | None = None
    date: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """A token response that can be used.

    Attributes:
        value: the token, a b64token.
        lifetime: seconds, within (0, 86400].
        scope: granted scope, or None where it is missing or malformed.
        over: whether `expires_in` is a number that leaves nothing; the lifetime is then assumed.
    """

    value: Secret
    lifetime: float
    scope: str | None
    over: bool = False


def read_answer(answer: TokenAnswer, assertion: Secret, known: Callable[[], Known] = lambda: NOTHING) -> Grant:
    """Read a token, or say why there is none.

    Args:
        answer: status, fields and body.
        assertion: what was sent, so that no text of the server can repeat it.
        known: gives what is known of the request, should it have been refused.

    Raises:
        ProblemError: ``token-refused``, ``token-throttled``, ``token-malformed`` or ``token-failed``, with the
            server's Retry-After if there is one.
    """
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successes
        # RFC 6749, section 5.1, has 200 alone; 201 is what many servers and frameworks make of a POST that succeeded.
        return _read_grant(answer, assertion, known)
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirections
        raise ProblemError("token-malformed", _redirected(answer))
    raise _refusal(answer, _document(answer), assertion, known())


def error_of(answer: TokenAnswer, assertion: Secret) -> tuple[str, Text]:
    """Give the code of the OAuth error (RFC 6749) or problem (RFC 9457) in an answer, and a sentence with the answer.

    Both are scrubbed, and may be kept and shown; both are empty where the answer is no error.

    Raises:
        ProblemError: ``token-malformed``, where the body cannot be decoded.
    """
    document = _document(answer)
    error, description = _error_of(document or {}, assertion)
    is_error = bool(error) or answer.status >= 400  # noqa: PLR2004 - the classes of errors
    return error, _said(answer, document, error, description) if is_error else NO_TEXT


def lifetime_seconds(expires_in: object) -> float:
    """Read `expires_in`: a number or a numeric string; anything else, zero and less mean 60 s."""
    seconds = _number(expires_in)
    # The comparison is false for NaN as well.
    return float(min(seconds, LONGEST_LIFETIME)) if seconds is not None and seconds > 0 else ASSUMED_LIFETIME


def leaves_nothing(expires_in: object) -> bool:
    """Return whether `expires_in` is a number, and none above zero."""
    seconds = _number(expires_in)
    return seconds is not None and seconds <= 0


def _number(expires_in: object) -> float | None:
    if isinstance(expires_in, str) and _SECONDS.fullmatch(expires_in.strip()):
        return float(expires_in)
    is_number = isinstance(expires_in, int | float) and not isinstance(expires_in, bool)
    return expires_in if is_number else None  # type: ignore[return-value]  # just looked at


def _read_grant(answer: TokenAnswer, assertion: Secret, known: Callable[[], Known]) -> Grant:
    document = _document(answer)
    if document is None:
        content = _looks_like(answer)
        raise ProblemError(
            "token-malformed",
            Text("The token server answered {status} with {content}.", status=answer.status, content=content),
            # An empty success is what is left of an answer that something on the way lost; the next may be whole.
            transient=not answer.body.strip(),
        )
    if "access_token" not in document and "error" in document:
        raise _refusal(answer, document, assertion, known())
    value = document.get("access_token")
    if not isinstance(value, str) or not value:
        raise ProblemError(
            "token-malformed", Text("The token server answered {status} without an access_token.", status=answer.status)
        )
    if len(value) > LONGEST_TOKEN:
        raise ProblemError("token-malformed", Text("The token is longer than {most} characters.", most=LONGEST_TOKEN))
    if not _B64TOKEN.fullmatch(value):
        # RFC 6750, section 2.1; a line break in it would end the Authorization field.
        raise ProblemError(
            "token-malformed", Text("The token has characters that no bearer token may have (RFC 6750).")
        )
    _check_type(document.get("token_type"))
    scope = document.get("scope")
    granted = scope if isinstance(scope, str) and len(scope) <= 4096 and _SCOPE.fullmatch(scope) else None  # noqa: PLR2004 - it is shown to people
    expires_in = document.get("expires_in")
    return Grant(Secret(value), lifetime_seconds(expires_in), granted, over=leaves_nothing(expires_in))


def _check_type(token_type: object) -> None:
    # Required by RFC 6749, but a missing one is no reason to fail: the channel knows no other type.
    if token_type is not None and (not isinstance(token_type, str) or token_type.strip().lower() not in _BEARER):
        raise ProblemError(
            "token-malformed", Text("The token is not of the type bearer, the only one this gateway can use.")
        )


def _document(answer: TokenAnswer) -> dict[str, object] | None:
    """Read a JSON object, whatever Content-Type says; None if it is none or is ambiguous."""
    text = _text(_decoded(answer))
    try:
        # Not strict: a raw line break in a description is no reason to lose the error code beside it.
        document = json.loads(text, object_pairs_hook=_unambiguous, parse_int=_bounded_integer, strict=False)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(body: bytes) -> str:
    """Decode a JSON text; never fails.

    RFC 8259, section 8.1, demands UTF-8 without a byte order mark. Servers and appliances that write Latin-1 or break
    off within a character write names, error codes and tokens in ASCII nevertheless, and only a description is garbled.
    """
    encoding = json.detect_encoding(body)
    try:
        text = body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        is_utf_8 = encoding.startswith("utf-8")
        text = body.removeprefix(codecs.BOM_UTF8).decode("latin-1") if is_utf_8 else body.decode(encoding, "replace")
    return text.removeprefix("\ufeff")


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # RFC 8259, section 4: with names that are not unique, the behaviour of receivers is unpredictable. Of two
    # tokens none can be chosen.
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name occurs twice")
    return document


def _bounded_integer(digits: str) -> int | float:
    # int() of thousands of digits is slow or an error (CVE-2020-10735); a float becomes infinite and is capped.
    return int(digits) if len(digits) <= 18 else float(digits)  # noqa: PLR2004 - what fits 64 bits


def _decoded(answer: TokenAnswer) -> bytes:
    coding = answer.content_encoding.strip().lower()
    # What is no content coding (``utf-8``, ``none``) is often written there, and by proxies one that they have undone.
    if coding in {"", "identity"} or answer.body.lstrip(_BEFORE)[:1] in {b"{", b"<", b""}:
        return answer.body
    if coding not in _WINDOWS:
        raise ProblemError(
            "token-malformed", Text("The token server compressed its answer, although none was asked for.")
        )
    inflater = zlib.decompressobj(wbits=_WINDOWS[coding])
    try:
        body = inflater.decompress(answer.body, LARGEST_ANSWER)
    except zlib.error:
        raise ProblemError("token-malformed", Text("The token server's compressed answer is damaged.")) from None
    if not inflater.eof:
        raise ProblemError("token-malformed", Text("The token server's compressed answer is too large or cut off."))
    return body


def _refusal(answer: TokenAnswer, document: dict[str, object] | None, assertion: Secret, known: Known) -> ProblemError:
    error, description = _error_of(document or {}, assertion)
    facts, guesses = explain(answer.status, error, known, description)
    detail = joined((facts, _said(answer, document, error, description), guesses, missing_right(error, known)))
    seconds = retry_after_seconds(answer.retry_after, answer.date)
    code = _code_for(answer.status, error)
    return ProblemError(code, detail, seconds, transient=_may_pass(answer.status, code, error))


def _said(answer: TokenAnswer, document: dict[str, object] | None, error: str, description: str) -> Text:
    what: str = str(answer.status)
    if error:
        what = f"{answer.status} {error}"
    elif document is None:
        what = Text("{status} with {content}", status=answer.status, content=_looks_like(answer))
    description = description.rstrip(".!?")
    if not description:
        return Text("The token server answered {answer}.", answer=what)
    return Text("The token server answered {answer}: {description}.", answer=what, description=description)


def _error_of(document: dict[str, object], assertion: Secret) -> tuple[str, str]:
    """Find code and description in an OAuth error (RFC 6749) or in a problem (RFC 9457)."""
    if "error" in document:
        code, description = document.get("error"), document.get("error_description")
    else:
        code, description = document.get("type"), document.get("detail") or document.get("title")
        code = code.rpartition(":")[2].rpartition("/")[2] if isinstance(code, str) else None
    return quotable(printable(code, 64), assertion), quotable(printable(description, 300), assertion)


def _code_for(status: int, error: str) -> str:
    if status == 429 or error in {"tooManyRequests", "tooManyFailedRequests", "slow_down"}:  # noqa: PLR2004 - RFC 6585
        return "token-throttled"
    # Wild servers answer invalid_client as 400, 401 or 403, sometimes without a word.
    refused = (status < 300 or status in {400, 401, 403}) and error not in _TRANSIENT_ERRORS  # noqa: PLR2004 - successes
    return "token-refused" if refused else "token-failed"


def _may_pass(status: int, code: str, error: str) -> bool:
    """Return whether the same request may succeed within seconds; an answer of the class 4xx is certain."""
    passing = status >= 500 or status in _TRANSIENT_STATUSES or error in _TRANSIENT_ERRORS  # noqa: PLR2004 - server errors
    return code == "token-throttled" or (code == "token-failed" and passing)


def _redirected(answer: TokenAnswer) -> Text:
    origin = _ORIGIN.match(answer.location or "")
    if origin is None:
        return Text(
            "The token server redirects ({status}), and a redirect is never followed with an assertion. "
            "Check token_url, and whether a proxy or a login page is in between.",
            status=answer.status,
        )
    return Text(
        "The token server redirects ({status} to {origin}), and a redirect is never followed with an assertion. "
        "Check token_url, and whether a proxy or a login page is in between.",
        status=answer.status,
        origin=origin[0],
    )


def _looks_like(answer: TokenAnswer) -> Text:
    if not answer.body.strip():
        return Text("an empty body")
    if "html" in answer.content_type.lower() or answer.body.lstrip()[:1] == b"<":
        return Text("a page for people (HTML or XML), perhaps of a proxy or a maintenance page")
    return Text("something that is no JSON object, or one that names a member twice")
