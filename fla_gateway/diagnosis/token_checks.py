"""Rule: what a negotiation with the token server says.

Owns the checks of the branch ``token``, for the doctor and the status page. Refuses to negotiate: the record of a
negotiation is handed in; and to know causes and cures, which `oauth` has for the details of the token leg as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from fla_gateway.catalog.model import Catalogue, Right, Service
from fla_gateway.catalog.rights import rights_for_scopes, tick
from fla_gateway.diagnosis.findings import HOPS, Check, Verdict, skip
from fla_gateway.i18n.message import NOTHING, Sentence, Text, joined
from fla_gateway.network.phase_timer import PHASES
from fla_gateway.oauth import clock_skew, likely_causes
from fla_gateway.oauth.likely_causes import Known
from fla_gateway.oauth.negotiations import GRANTED, Negotiation
from fla_gateway.profiles import Profile

CLOCK: Final = Text("This host's clock agrees with the token server's")
TOKEN: Final = Text("The token server grants a token")
SCOPES: Final = Text("The token has the scopes of the services")
UNMEASURED: Final = Text("unmeasured: no response of the token server showed its clock")
_FOR_A_HELP_DESK: Final = frozenset({"token-refused", "token-failed", "token-malformed"})


def checks_of(profile: Profile, catalogue: Catalogue, negotiations: Sequence[Negotiation]) -> Iterator[Check]:
    """Judge the latest of some negotiations; none where there is none, or it was cut off.

    Args:
        profile: which they are for.
        catalogue: the known APIs.
        negotiations: the latest first.
    """
    if negotiations and (negotiations[0].status or negotiations[0].result != "cut"):
        yield check_clock(negotiations[0].clock_sample)
        check = check_token(profile, catalogue, negotiations)
        yield check if negotiations[0].status else _at_hop(check, negotiations[0])
        if negotiations[0].result == GRANTED:
            yield check_scopes(profile, catalogue, negotiations[0].scope)


def _at_hop(check: Check, latest: Negotiation) -> Check:
    """Make what was found of a connection the finding of the hop that it came to."""
    phase = next((it for it in reversed(PHASES) if it in latest.phases), None)
    if latest.result not in {"token-unreachable", "token-timeout"} or phase is None or phase not in HOPS:
        return check
    code, description = HOPS[phase]
    return replace(check, code=code, branch="token-server", description=description)


def check_clock(sample: float | None) -> Check:
    """Check the clock.

    Args:
        sample: seconds by which the server's clock is ahead, as a response showed it; None if none did.
    """
    if sample is None:
        return skip("clock", "token", CLOCK, UNMEASURED)
    if abs(sample) <= clock_skew.NOTEWORTHY:
        fine = Text("measured: {seconds} s apart", seconds=f"{abs(sample):.0f}")
        return Check("clock", "token", CLOCK, "ok", fine, rules_out=Text("this host's clock"), shared=fine)
    seen = Text("measured: {finding}", finding=clock_skew.finding(sample))
    verdict: Verdict = "warning" if abs(sample) <= clock_skew.LARGEST else "fatal"
    return Check("clock", "token", CLOCK, verdict, seen, cure=clock_skew.cure(sample), shared=seen)


def check_token(
    profile: Profile, catalogue: Catalogue, negotiations: Sequence[Negotiation], *, not_inspected: bool = False
) -> Check:
    """Check what came of the latest token request.

    Args:
        profile: as for `checks_of`.
        catalogue: as for `checks_of`.
        negotiations: the latest first, at least one.
        not_inspected: see `Known`.
    """
    latest = negotiations[0]
    seconds = sum(latest.phases.values())
    if latest.result == GRANTED:
        hops = ", ".join(f"{name} {took * 1000:.0f} ms" for name, took in latest.phases.items())
        seen = Text("valid for {seconds} s; it took: {hops}", seconds=f"{latest.lifetime:g}", hops=hops)
        fine = Text("client id, key, registration of the certificate and audience")
        return Check("token", "token", TOKEN, "ok", seen, rules_out=fine, seconds=seconds)
    known = replace(_known(profile, catalogue, negotiations), not_inspected=not_inspected)
    facts, causes = likely_causes.explain(latest.status, latest.error, known, latest.answer)
    if latest.answer:
        seen, cause = joined((facts, latest.answer)), causes
    else:
        # Nothing was refused: what was said of the connection or the response is all that there is to be said.
        seen, cause = Text("{detail}", detail=latest.detail), NOTHING
    cure = likely_causes.cure(latest.result, latest.status, latest.error, known)
    if latest.result in _FOR_A_HELP_DESK:
        share = Text("`fla-gateway doctor {profile} --share FILE` writes what a help desk needs.", profile=profile.name)
        cure = joined((cure, share))
    return Check("token", "token", TOKEN, "fatal", seen, cause, cure, seconds=seconds)


def _known(profile: Profile, catalogue: Catalogue, negotiations: Sequence[Negotiation]) -> Known:
    latest, request = negotiations[0], profile.token_request
    # Of the same account, as the list is; a token that came for another certificate proves nothing for this one.
    good = next((it for it in negotiations if it.result == GRANTED and it.certificate == latest.certificate), None)
    return Known(
        now=datetime.fromtimestamp(latest.time, UTC),
        certificate_ends=latest.certificate_ends,
        clock_offset=latest.clock_sample,
        algorithm=latest.header.get("alg", ""),
        last_token=None if good is None else datetime.fromtimestamp(good.time, UTC),
        rights=rights_for_scopes(catalogue, request.scope),
        audience_fits=request.audience == request.token_url,
    )


def check_scopes(profile: Profile, catalogue: Catalogue, granted: str, asked: Sequence[str] = ()) -> Check:
    """Check whether the token has what the services of a profile need.

    Args:
        profile: the profile, with the paths that it serves.
        catalogue: the known APIs, with their scopes and rights.
        granted: scopes as the token server wrote them; may be empty.
        asked: scopes that were refused before `granted` was given instead.
    """
    if not granted:
        return skip("scopes", "token", SCOPES, Text("the token server did not say which scopes it granted"))
    has = frozenset(granted.split())
    refused = [it for it in asked if it not in has]
    known = [it for it in catalogue.services if it.scopes and _is_served(it, profile)]
    seen = Text("granted: {scopes}", scopes=granted)
    if not known and not refused:
        return skip("scopes", "token", SCOPES, Text("{seen}; what the profile's services need is not known", seen=seen))
    # A service has scopes for different uses: without any of them none of its calls is permitted.
    without = [it for it in known if has.isdisjoint(it.scopes)]
    lacking = [*dict.fromkeys((*refused, *(scope for it in without for scope in it.scopes)))]
    if lacking:
        missing = Text("{seen}; not granted: {scopes}", seen=seen, scopes=" ".join(lacking))
        cure = Sentence("{what}", what=tick(_rights(catalogue, lacking, without)))
        return Check("scopes", "token", SCOPES, "warning", missing, cure=cure, shared=missing)
    some = [*dict.fromkeys(scope for it in known for scope in it.scopes if scope not in has)]
    if not some:
        right = Text("a right that is missing in ChaMan")
        return Check("scopes", "token", SCOPES, "ok", seen, rules_out=right, shared=seen)
    partly = Text("{seen}; not granted, and needed for some calls: {scopes}", seen=seen, scopes=" ".join(some))
    return Check("scopes", "token", SCOPES, "ok", partly, shared=partly)


def _is_served(service: Service, profile: Profile) -> bool:
    """Whether a profile names a service, or a path within it."""
    within = f"{service.prefix}/"
    return any(it == service.prefix or it.startswith(within) for it in profile.prefixes)


def _rights(catalogue: Catalogue, scopes: Sequence[str], services: Sequence[Service]) -> tuple[Right, ...]:
    """Give the boxes of scopes, and those of services of which no box has a scope."""
    unnamed = (right for service in services for right in service.rights if not right.scope)
    return tuple(dict.fromkeys((*rights_for_scopes(catalogue, scopes), *unnamed)))
