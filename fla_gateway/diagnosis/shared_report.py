"""Rule: what a vendor or a help desk is given of a diagnosis.

Owns the list of what may leave the company, and its form. Refuses to delete: each line is written from a permitted
member, so that what is added elsewhere later does not come into it by itself. Paths, addresses of the company's
network, names of callers and of files are not in it, nor a signature or a token, which no record has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fla_gateway.diagnosis.findings import BRANCHES, Check, ruled_out
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.profiles import Profile


@dataclass(frozen=True, slots=True)
class Place:
    """What the report was made with.

    Attributes:
        version: of the gateway.
        compiled: whether its data path is compiled.
        python: version of Python.
        system: name and version of the operating system.
        fingerprint: of the configuration.
        time: when.
    """

    version: str
    compiled: bool
    python: str
    system: str
    fingerprint: str
    time: datetime


def write_report(
    place: Place, profile: Profile, checks: Sequence[Check], negotiations: Sequence[Negotiation]
) -> Iterator[str]:
    """Write the lines.

    Args:
        place: what it was made with.
        profile: what was diagnosed.
        checks: everything that was checked.
        negotiations: with the token server, the latest first.
    """
    request = profile.token_request
    yield "Report of a diagnosis, for a help desk. It holds no key, no token and no signature."
    yield ""
    yield f"made at       {_moment(place.time)}"
    yield f"made with     fla-gateway {place.version} ({'compiled' if place.compiled else 'source'}), {place.python}"
    yield f"on            {place.system}"
    yield f"configuration {place.fingerprint}"
    yield f"environment   {profile.environment_shown}"
    yield f"token server  {request.token_url}"
    yield f"API           {profile.upstream.authority}"
    yield f"client id     {request.client_id}"
    yield f"scope asked   {' '.join(request.scope) or '(none)'}"
    yield ""
    yield "Our side, checked"
    for check in checks:
        seen = f": {check.shared}" if check.shared else ""
        yield f"  {check.verdict:<8} {BRANCHES[check.branch]}: {check.description}{seen}"
    excluded = ruled_out(checks)
    yield f"  not the cause: {'; '.join(excluded) or 'nothing was excluded'}"
    yield ""
    yield "Your side said"
    for negotiation in negotiations:
        yield from _said(negotiation)
    if not negotiations:
        yield "  nothing: the token server was not asked"


def _said(one: Negotiation) -> Iterator[str]:
    ends = "none" if one.certificate_ends is None else _moment(one.certificate_ends)
    yield f"  {_moment(datetime.fromtimestamp(one.time, UTC))}  {one.result}"
    yield f"    asserted     header {json.dumps(one.header)} claims {json.dumps(one.claims)}"
    yield f"    certificate  SHA-256 {one.certificate or 'none'}, until {ends}"
    yield f"    clock        {_clock(one)}"
    yield f"    took         {', '.join(f'{name} {seconds * 1000:.0f} ms' for name, seconds in one.phases.items())}"
    if one.status:
        yield f"    response     {one.status} {one.error}{f': {one.description}' if one.description else ''}".rstrip()
    for name, value in one.fields.items():
        yield f"      {name}: {value}"
    if one.scope:
        yield f"    scope        {one.scope}"


def _clock(one: Negotiation) -> str:
    if one.clock_sample is None:
        return "not measured"
    return (
        f"yours was ahead of ours by {one.clock_sample:.0f} s; the assertion was corrected by {one.clock_offset:.0f} s"
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
