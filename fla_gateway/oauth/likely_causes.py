"""Rule: what is known about a refusal by the token server, what is guessed about its cause, and what to do.

Owns all three, for the details of the token leg, the status page and the doctor alike, and their order: what is known
comes first, guesses are called guesses, and a guess that contradicts what was seen is left out. Refuses to know how any
of it was found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from fla_gateway.catalog.model import Right
from fla_gateway.catalog.rights import tick
from fla_gateway.i18n.message import NOTHING as NO_TEXT
from fla_gateway.i18n.message import Plural, Sentence, Text, joined
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth import clock_skew
from fla_gateway.problems import CURES

_NOT_REGISTERED: Final = Text(
    "the certificate is not, or not yet, registered for this account in ChaMan (after an upload try again later)"
)
_WITHDRAWN: Final = Text("the certificate or a right of this account was replaced or withdrawn in ChaMan meanwhile")
_OTHER_PAIR: Final = Text("the certificate that is registered in ChaMan does not belong to this key")
_OTHER_ENVIRONMENT: Final = Text("the client id is misspelt, or it or the audience is that of another environment")
_OTHER_CLIENT: Final = Text("the client id is misspelt, or that of another environment")
_OTHER_AUDIENCE: Final = Text("the audience is that of another environment")
_PROXY_FORBIDS: Final = Text("a proxy forbids the way")
_PROXY_ASKS: Final = Text("a proxy asks for credentials")
_CLOCK: Final = Text("this host's clock is wrong")
_ALGORITHM: Final = Text("the token server does not take the algorithm (assertion.alg)")
_NO_RIGHT: Final = Text("a right is missing in ChaMan")
_BLOCKED: Final = Text("the account is blocked")
_OPTIONS: Final = Text("audience, client id or assertion options do not fit this token server")
_ADDRESS: Final = Text("token_url is not the address of the token endpoint")

_OF_PROXIES: Final = (_PROXY_FORBIDS, _PROXY_ASKS)
_REFUSED_CLIENT: Final = (_NOT_REGISTERED, _OTHER_PAIR, _OTHER_ENVIRONMENT, _CLOCK, _ALGORITHM)
_NO_RIGHT_FOR_SCOPE: Final = Text("the account lacks the right in ChaMan that goes with the scope")
_SCOPE_MISSPELT: Final = Text("the scope is misspelt; leave scope out to get the account's own scopes")
_GUESSES: Final = {
    "invalid_client": _REFUSED_CLIENT,
    "invalid_scope": (_NO_RIGHT_FOR_SCOPE, _SCOPE_MISSPELT),
    "unauthorized_client": (Text("the account is not active for the REST channel in ChaMan"), _NO_RIGHT),
    "access_denied": (_NO_RIGHT, _BLOCKED),
    "invalid_request": (Text("audience or assertion options do not fit this token server"),),
    "invalid_grant": (_OTHER_AUDIENCE, _CLOCK),
    "unsupported_grant_type": (_ADDRESS,),
}
_BY_STATUS: Final = {
    400: (_OPTIONS,),
    401: _REFUSED_CLIENT,
    403: (_NO_RIGHT, _BLOCKED, _PROXY_FORBIDS),
    404: (_ADDRESS,),
    405: (_ADDRESS,),
    407: (_PROXY_ASKS,),
}
_SEEN_ELSEWHERE: Final = {
    "JWT is not valid": (_OTHER_PAIR, _NOT_REGISTERED),
    "JWT has expired or is not valid": (_CLOCK, _OTHER_ENVIRONMENT),
    "Client authentication failed": (_NOT_REGISTERED, _OTHER_ENVIRONMENT),
    "Unknown/invalid scope": (_NO_RIGHT_FOR_SCOPE, _SCOPE_MISSPELT),
}
"""Words of a product (ForgeRock AM, now Ping AM) that this server's answers resemble, as other installations of it use
them (help.yahooinc.com, developer.community.nhs.uk): never seen from this server, and guesses for that reason."""
_OF_RIGHTS: Final = frozenset({"invalid_scope", "access_denied", "unauthorized_client"})
"""Errors that a right in ChaMan may cure."""
_COMPARE: Final = Text(
    "Compare in ChaMan, in this order: the Client ID; whether the account lists the certificate of this key "
    "(Certificaatnaam); its Vervaldatum."
)
_PASSES: Final = Text("The fault is the token server's; the gateway tries again.")
_ASKED_TO_WAIT: Final = Text("The gateway waits as long as it is asked to.")
_FIXED: Final = {
    "tooManyFailedRequests": Text("Too many attempts were refused; the gateway now tries slowly."),
    "tooManyRequests": _ASKED_TO_WAIT,
    "slow_down": _ASKED_TO_WAIT,
    429: _ASKED_TO_WAIT,
    # Whatever their status, and whatever the configuration: these are states of the server.
    "temporarily_unavailable": _PASSES,
    "server_error": _PASSES,
    408: _PASSES,
    425: _PASSES,
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
        rights: boxes of ChaMan that probably go with the scopes that were asked for.
        audience_fits: whether the audience is the very address of the token server.
        not_inspected: whether the connection was seen to lead to the server itself, without a proxy that opens TLS.
    """

    now: datetime | None = None
    certificate_ends: datetime | None = None
    clock_offset: float | None = None
    algorithm: str = ""
    last_token: datetime | None = None
    rights: tuple[Right, ...] = ()
    audience_fits: bool = False
    not_inspected: bool = False

    @property
    def clock_is_right(self) -> bool:
        """Whether the clock was measured, and is no cause."""
        return self.clock_offset is not None and abs(self.clock_offset) <= clock_skew.NOTEWORTHY


NOTHING: Final = Known()


def explain(status: int, error: str, known: Known, answer: str = "") -> tuple[Text, Text]:
    """Say what is known, and what may be the cause.

    Args:
        status: status code of the refusal.
        error: OAuth error code or the last part of a problem type; empty without one.
        known: see `Known`.
        answer: text with the server's own words, or empty.

    Returns:
        Sentences that belong in front of what the server answered, and sentences that follow it; either may be empty.
    """
    if status >= 500:  # noqa: PLR2004 - the class of server errors
        return NO_TEXT, _PASSES
    fixed = _FIXED.get(error) or _FIXED.get(status if error not in _GUESSES else "")
    if fixed:
        return NO_TEXT, fixed
    words = next((it for it in _SEEN_ELSEWHERE if it.lower() in answer.lower()), "")
    hinted = [*dict.fromkeys(_ordered(_SEEN_ELSEWHERE.get(words, ()), known))]
    guesses = _GUESSES.get(error) or _BY_STATUS.get(status) or ()
    if not guesses and not hinted:
        return NO_TEXT, Text("Check token_url, audience and client id.")
    left = [it for it in dict.fromkeys(_ordered(guesses, known)) if it not in hinted]
    is_about_client = _CLOCK in guesses
    before = joined(_facts(known)) if is_about_client else NO_TEXT
    measured = _measured(known) if is_about_client else NO_TEXT
    return before, joined((measured, _hint(words, hinted), _sentence(left, is_known=bool(before) and _explains(known))))


def missing_right(error: str, known: Known) -> Text:
    """Say which box of ChaMan is to be ticked for the scopes that were asked for; empty where that is no cause.

    Args:
        error: as for `explain`.
        known: as for `explain`.
    """
    return Sentence("{what}", what=tick(known.rights)) if error in _OF_RIGHTS and known.rights else NO_TEXT


def cure(code: str, status: int, error: str, known: Known) -> Text:
    """Say what to do about a token request that failed.

    Args:
        code: a problem code of the token leg.
        status: as for `explain`; 0 without a response.
        error: as for `explain`.
        known: as for `explain`.
    """
    if code != "token-refused":
        return CURES.get(code, NO_TEXT)
    if error in _OF_RIGHTS:
        return Sentence("{what}", what=tick(known.rights))
    if _CLOCK not in (_GUESSES.get(error) or _BY_STATUS.get(status) or ()):
        return CURES[code]
    if known.clock_offset is None or known.clock_is_right:
        return _COMPARE
    return joined((Sentence("{what}", what=clock_skew.cure(known.clock_offset)), _COMPARE))


def _hint(words: str, causes: list[Text]) -> Text:
    """Say what the server's words meant elsewhere, as far as that was not ruled out."""
    if not causes:
        return NO_TEXT
    return Text('A guess: elsewhere "{words}" meant: {causes}.', words=words, causes=joined(causes, "; "))


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
        yield Sentence("{what}", what=clock_skew.warning(known.clock_offset))


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
        if (known.audience_fits and guess is _OTHER_AUDIENCE) or (known.not_inspected and guess in _OF_PROXIES):
            continue
        if known.audience_fits and guess is _OTHER_ENVIRONMENT:
            yield _OTHER_CLIENT
            continue
        yield _WITHDRAWN if known.last_token is not None and guess is _NOT_REGISTERED else guess


def _explains(known: Known) -> bool:
    """Whether what is known is a cause by itself, beside which every guess is the lesser one."""
    has_ended = known.certificate_ends is not None and known.now is not None and known.now >= known.certificate_ends
    return has_ended or (known.clock_offset is not None and not known.clock_is_right)


def _sentence(guesses: list[Text], *, is_known: bool) -> Text:
    if not guesses:
        return NO_TEXT
    if is_known:
        return Text("If that is not the cause, it may be: {causes}.", causes=joined(guesses, "; "))
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
