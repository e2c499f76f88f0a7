"""Rule: what a negotiation with the token server says.

Owns the checks of the branch ``token``. Refuses to negotiate: the record of a negotiation is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fla_gateway.catalog.model import Catalogue, Right, Service
from fla_gateway.diagnosis.findings import Check, skip
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.oauth.clock_skew import LARGEST, NOTEWORTHY
from fla_gateway.oauth.negotiations import GRANTED, Negotiation
from fla_gateway.profiles import Profile

CLOCK: Final = Text("This host's clock agrees with the token server's")
TOKEN: Final = Text("The token server grants a token")
SCOPES: Final = Text("The token has the scopes of the services")
_SET_THE_CLOCK: Final = Text("set this host's clock (NTP); assertions are corrected meanwhile, TLS is not")
# Seen at other installations of the product that the server's answers resemble; never of this server itself.
_SEEN_ELSEWHERE: Final = {
    "JWT is not valid": Text("elsewhere this text meant a signature that does not fit the registered certificate"),
    "JWT has expired or is not valid": Text("elsewhere this text meant a wrong clock, audience or issuer"),
    "Client authentication failed": Text("elsewhere this text meant an unknown client id or certificate"),
    "Unknown/invalid scope": Text("elsewhere this text meant a scope that the account has no right to"),
}


def check_clock(sample: float | None) -> Check:
    """Check the clock.

    Args:
        sample: seconds by which the server's clock is ahead, as a response showed it; None if none did.
    """
    if sample is None:
        return skip("clock", "token", CLOCK, Text("no response showed the server's clock"))
    seen = Text("measured: {seconds} s apart", seconds=f"{abs(sample):.0f}")
    if abs(sample) <= NOTEWORTHY:
        return Check("clock", "token", CLOCK, "ok", seen, rules_out=Text("this host's clock"))
    if abs(sample) <= LARGEST:
        return Check("clock", "token", CLOCK, "warning", seen, cure=_SET_THE_CLOCK)
    return Check("clock", "token", CLOCK, "fatal", seen, cure=Text("set this host's clock: it is more than a day off"))


def check_token(negotiation: Negotiation) -> Check:
    """Check what came of a token request."""
    seconds = sum(negotiation.phases.values())
    if negotiation.result == GRANTED:
        seen = Text("valid for {seconds} s", seconds=f"{negotiation.lifetime:g}")
        fine = Text("client id, key, registration of the certificate and audience")
        return Check("token", "token", TOKEN, "ok", seen, rules_out=fine, seconds=seconds)
    hint = next((words for text, words in _SEEN_ELSEWHERE.items() if text in negotiation.detail), NOTHING)
    cause = Text("a guess: {hint}", hint=hint) if hint else NOTHING
    seen = Text("{detail}", detail=negotiation.detail)
    return Check("token", "token", TOKEN, "fatal", seen, cause, _cure(negotiation), seconds=seconds)


def _cure(negotiation: Negotiation) -> Text:
    if negotiation.result == "token-refused":
        return Text(
            "compare in ChaMan, in this order: the Client ID; whether the account lists the certificate named above; "
            "its Vervaldatum; then send the file that "
            "`fla-gateway doctor PROFILE --share FILE` writes to the help desk"
        )
    if negotiation.result == "token-throttled":
        return Text("wait: every further attempt makes the wait longer")
    return NOTHING


def check_scopes(profile: Profile, catalogue: Catalogue, granted: str) -> Check:
    """Check whether the token has what the services of a profile need.

    Args:
        profile: the profile, with the paths that it serves.
        catalogue: the known APIs, with their scopes and rights.
        granted: scopes as the token server wrote them; may be empty.
    """
    if not granted:
        return skip("scopes", "token", SCOPES, Text("the token server did not say which scopes it granted"))
    has = frozenset(granted.split())
    known = [it for it in catalogue.services if it.scopes and it.prefix in profile.prefixes]
    if not known:
        seen = Text("granted: {scopes}", scopes=granted)
        return skip("scopes", "token", SCOPES, Text("{seen}; what the profile's services need is not known", seen=seen))
    # A service has scopes for different uses: without any of them none of its calls is permitted.
    lacking = [(it, scope) for it in known if has.isdisjoint(it.scopes) for scope in it.scopes]
    if not lacking:
        return Check("scopes", "token", SCOPES, "ok", Text("granted: {scopes}", scopes=granted),
                     rules_out=Text("a right that is missing in ChaMan"))  # fmt: skip
    seen = Text("not granted: {scopes}", scopes=" ".join(dict.fromkeys(scope for _, scope in lacking)))
    return Check("scopes", "token", SCOPES, "warning", seen, cure=_tick([*_rights(lacking)]))


def _rights(lacking: Sequence[tuple[Service, str]]) -> Iterator[Right]:
    for service, scope in lacking:
        yield from (right for right in service.rights if right.scope in {scope, ""})


def _tick(rights: Sequence[Right]) -> Text:
    labels = [*dict.fromkeys(it.label for it in rights)]
    if not labels:
        return Text("a right is missing in ChaMan under Beveiligde machtigingen; which one is not known")
    return Text(
        "in ChaMan, tick {labels} under Beveiligde machtigingen; that this box belongs to the scope is a guess",
        labels=", ".join(f'"{it}"' for it in labels),
    )
