"""Rule: what a configuration, its files and its key say without any connection.

Owns the checks of the branch ``machine``. Refuses to read a file: what was read, or why it could not be, is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fla_gateway.diagnosis.findings import Check, skip
from fla_gateway.errors import Fault, UnusableKeyError
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.keys.model import CertificateFacts, LoadedKey, Objection
from fla_gateway.profiles import Profile

_URGENT_DAYS: Final = 30
_CONFIGURATION: Final = Text("The configuration and who may change it")
_KEY: Final = Text("The private key can be read and used")
_PAIR: Final = Text("Key and certificate belong together")
_RULES: Final = Text("What the manual asks of keys and certificates")
_DATES: Final = Text("The certificate is valid now")
_ENVIRONMENT: Final = Text("Token server, audience and API are of one environment")


def machine_checks(
    profile: Profile,
    key: LoadedKey | UnusableKeyError,
    unfit: Objection | None,
    warnings: Sequence[Fault],
    now: datetime,
) -> Iterator[Check]:
    """Check what is on this machine.

    Args:
        profile: the profile.
        key: its key as loaded, or why it could not be.
        unfit: why the key cannot sign this profile's assertions, or None.
        warnings: of the whole configuration.
        now: the time, with a time zone.
    """
    yield _configuration(profile, warnings)
    yield _environment(profile)
    if isinstance(key, UnusableKeyError):
        yield Check("key", "machine", _KEY, "fatal", key.message, cure=key.cure)
        return
    if unfit is not None:
        yield Check("key", "machine", _KEY, "fatal", unfit.message, cure=unfit.cure)
        return
    signs = Text("signs with {algorithm}", algorithm=profile.token_request.assertion.alg or key.signer.algorithms[0])
    yield Check("key", "machine", _KEY, "ok", signs, rules_out=Text("the key file and its password"))
    yield from _of_certificate(key.certificate, now)
    yield _rules(key)


def _configuration(profile: Profile, warnings: Sequence[Fault]) -> Check:
    own = f"profiles.{profile.name}."
    mine = [it for it in warnings if it.path.startswith(own) or not it.path.startswith("profiles.")]
    if not mine:
        return Check("configuration", "machine", _CONFIGURATION, "ok", Text("it is read without a warning"))
    first = mine[0]
    seen = Text("{where}: {message}{more}", where=first.place, message=first.message, more=_more(len(mine)))
    return Check("configuration", "machine", _CONFIGURATION, "warning", seen, cure=first.cure)


def _environment(profile: Profile) -> Check:
    request = profile.token_request
    seen = Text(
        "{environment}: token server {token_url}, audience {audience}, API {api}",
        environment=profile.environment_shown, token_url=request.token_url, audience=request.audience,
        api=profile.upstream.authority,
    )  # fmt: skip
    # A configuration that mixes hosts of the social security's environments is not read at all.
    return Check("environment", "machine", _ENVIRONMENT, "ok", seen, rules_out=Text("addresses of two environments"))


def _of_certificate(facts: CertificateFacts | None, now: datetime) -> Iterator[Check]:
    if facts is None:
        reason = Text("no certificate is configured beside the key")
        yield skip("key-matches-certificate", "machine", _PAIR, reason)
        yield skip("certificate-dates", "machine", _DATES, reason)
        return
    name = Text("{subject}, SHA-256 {digits}", subject=facts.subject, digits=facts.sha256_thumbprint.hex())
    pair_is_right = Text("another key than that of the configured certificate")
    yield Check("key-matches-certificate", "machine", _PAIR, "ok", name, rules_out=pair_is_right)
    yield _dates(facts, now)


def _dates(facts: CertificateFacts, now: datetime) -> Check:
    days = (facts.not_after - now).days
    until = Text("until {end}, {days} days left", end=f"{facts.not_after:%Y-%m-%d %H:%M} UTC", days=days)
    cure = Text("make the next certificate and add it in ChaMan beside this one")
    if now >= facts.not_after:
        ended = Text("it expired on {end}", end=f"{facts.not_after:%Y-%m-%d %H:%M} UTC")
        cause = Text(
            "the token server refuses an expired certificate; only if the same key was certified anew it may work"
        )
        return Check("certificate-dates", "machine", _DATES, "warning", ended, cause, cure)
    if now < facts.not_before:
        early = Text("it is valid from {begin} on", begin=f"{facts.not_before:%Y-%m-%d %H:%M} UTC")
        return Check(
            "certificate-dates", "machine", _DATES, "fatal", early, cure=Text("wait, or set this host's clock")
        )
    if days < _URGENT_DAYS:
        return Check("certificate-dates", "machine", _DATES, "warning", until, cure=cure)
    return Check("certificate-dates", "machine", _DATES, "ok", until, rules_out=Text("an expired certificate"))


def _rules(key: LoadedKey) -> Check:
    if not key.warnings:
        fine, taken = Text("nothing that the manual forbids"), Text("a kind of key that ChaMan does not take")
        return Check("key-rules", "machine", _RULES, "ok", fine, rules_out=taken)
    first = key.warnings[0]
    seen = Text("{message}{more}", message=first.message, more=_more(len(key.warnings)))
    return Check("key-rules", "machine", _RULES, "warning", seen, cure=first.cure)


def _more(count: int) -> Text:
    return Text("; {count} more: `fla-gateway check`", count=count - 1) if count > 1 else NOTHING
