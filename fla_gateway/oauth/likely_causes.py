"""Rule: what is known about a refusal by the token server, and what is guessed about its cause.

Owns both, and their order: what is known comes first, guesses are called guesses, and a guess that contradicts what was
seen is left out. Refuses to know how any of it was found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fla_gateway.i18n.message import NOTHING as NO_TEXT
from fla_gateway.i18n.message import Plural, Text, joined

CLOCK_TOLERANCE: Final = 30.0
"""Seconds of skew that refuse no assertion."""

_NOT_REGISTERED: Final = Text(
    "the certificate is not, or not yet, registered for this account in ChaMan (after an upload try again later)"
)
_WITHDRAWN: Final = Text("the certificate or a right of this account was replaced or withdrawn in ChaMan meanwhile")
_OTHER_PAIR: Final = Text("the certificate that is registered in ChaMan does not belong to this key")
_OTHER_ENVIRONMENT: Final = Text("the client id is misspelt, or it or the audience is that of another environment")
_CLOCK: Final = Text("this host's clock is wrong")
_ALGORITHM: Final = Text("the token server does not take the algorithm (assertion.alg)")
_NO_RIGHT: Final = Text("a right is missing in ChaMan")
_BLOCKED: Final = Text("the account is blocked")
_OPTIONS: Final = Text("audience, client id or assertion options do not fit this token server")
_ADDRESS: Final = Text("token_url is not the address of the token endpoint")

_REFUSED_CLIENT: Final = (_NOT_REGISTERED, _OTHER_PAIR, _OTHER_ENVIRONMENT, _CLOCK, _ALGORITHM)
_GUESSES: Final = {
    "invalid_client": _REFUSED_CLIENT,
    "invalid_scope": (
        Text("the account lacks the right in ChaMan that goes with the scope"),
        Text("the scope is misspelt; leave scope out to get the account's own scopes"),
    ),
    "unauthorized_client": (Text("the account is not active for the REST channel in ChaMan"), _NO_RIGHT),
    "access_denied": (_NO_RIGHT, _BLOCKED),
    "invalid_request": (Text("audience or assertion options do not fit this token server"),),
    "invalid_grant": (Text("the audience is that of another environment"), _CLOCK),
    "unsupported_grant_type": (_ADDRESS,),
}
_BY_STATUS: Final = {
    400: (_OPTIONS,),
    401: _REFUSED_CLIENT,
    403: (_NO_RIGHT, _BLOCKED, Text("a proxy forbids the way")),
    404: (_ADDRESS,),
    405: (_ADDRESS,),
    407: (Text("a proxy asks for credentials"),),
}
_FIXED: Final = {
    "tooManyFailedRequests": Text("Too many attempts were refused; the gateway now tries slowly."),
    429: Text("The gateway waits as long as it is asked to."),
}
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


@dataclass(frozen=True, slots=True)
class Known:
    """What the gateway knows of a token request that was refused.

    Attributes:
        now: the time.
        certificate_ends: end of the certificate of the key, or None where there is none beside it.
        clock_offset: seconds by which the server's clock is ahead of this host's, as its answer shows, or None.
        algorithm: that the assertion was signed with, or empty.
        last_token: when the same client got a token with the same key before, or None.
    """

    now: datetime | None = None
    certificate_ends: datetime | None = None
    clock_offset: float | None = None
    algorithm: str = ""
    last_token: datetime | None = None

    @property
    def clock_is_right(self) -> bool:
        """Whether the clock was measured, and is no cause."""
        return self.clock_offset is not None and abs(self.clock_offset) <= CLOCK_TOLERANCE


NOTHING: Final = Known()


def explain(status: int, error: str, known: Known) -> tuple[Text, Text]:
    """Say what is known, and what may be the cause.

    Args:
        status: status code of the refusal.
        error: OAuth error code or the last part of a problem type; empty without one.
        known: see `Known`.

    Returns:
        Sentences that belong in front of what the server answered, and sentences that follow it; either may be empty.
    """
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return NO_TEXT, Text("The fault is the token server's; the gateway tries again.")
    fixed = _FIXED.get(error) or _FIXED.get(status if error not in _GUESSES else "")
    if fixed:
        return NO_TEXT, fixed
    guesses = _GUESSES.get(error) or _BY_STATUS.get(status)
    if guesses is None:
        return NO_TEXT, Text("Check token_url, audience and client id.")
    left = [*dict.fromkeys(_ordered(guesses, known))]
    is_about_client = _CLOCK in guesses
    before = joined(_facts(known)) if is_about_client else NO_TEXT
    measured = _measured(known) if is_about_client else NO_TEXT
    return before, joined((measured, _sentence(left)))


def _measured(known: Known) -> Text:
    """Say of a clock that was measured and is right that it is no cause."""
    if known.clock_offset is None or not known.clock_is_right:
        return NO_TEXT
    return Text("The clock was measured, and is right: offset {seconds} s.", seconds=f"{abs(known.clock_offset):.0f}")


def _facts(known: Known) -> Iterator[Text]:
    """What is known and explains a refusal of the client."""
    ends, now = known.certificate_ends, known.now
    if ends is not None and now is not None and now >= ends:
        yield Text("The certificate expired {ago}.", ago=ago((now - ends).total_seconds()))
    if known.last_token is not None and now is not None:
        last = ago((now - known.last_token).total_seconds())
        yield Text("The same account got a token with this key {ago}.", ago=last)
    if known.clock_offset is not None and not known.clock_is_right:
        yield Text(
            "This host's clock differs from the token server's by {seconds} s; set it right.",
            seconds=f"{known.clock_offset:.0f}",
        )


def _ordered(guesses: tuple[Text, ...], known: Known) -> Iterator[Text]:
    """Leave out what was seen to be otherwise; after a first token, registration is no longer what is missing."""
    for guess in guesses:
        if guess is _CLOCK and known.clock_offset is not None:
            continue
        if guess is _ALGORITHM and (known.algorithm == "RS256" or known.last_token is not None):
            # The one algorithm of the manual's example.
            continue
        if known.last_token is not None and guess in (_OTHER_PAIR, _OTHER_ENVIRONMENT):
            continue
        yield _WITHDRAWN if known.last_token is not None and guess is _NOT_REGISTERED else guess


def _sentence(guesses: list[Text]) -> Text:
    if len(guesses) == 1:
        return Text("A guess at the cause: {cause}.", cause=guesses[0])
    return Text("Guesses at the cause, the likeliest first: {causes}.", causes=joined(guesses, "; "))


def ago(seconds: float) -> Text:
    """Write a length of time before now in whole units."""
    if seconds >= _DAY:
        return Plural("{count} day ago", "{count} days ago", count=int(seconds // _DAY))
    if seconds >= _HOUR:
        return Plural("{count} hour ago", "{count} hours ago", count=int(seconds // _HOUR))
    if seconds >= _MINUTE:
        return Plural("{count} minute ago", "{count} minutes ago", count=int(seconds // _MINUTE))
    return Text("less than a minute ago")
