"""Rule: what a configuration, its files and its key say without any connection.

Owns the checks of the branch ``machine``. Refuses to read a file: what was read, or why it could not be, is handed in;
and to write causes and cures of its own where `keys` or `config` has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fla_gateway.config.rules.environments import PRESETS
from fla_gateway.diagnosis.findings import Check, skip
from fla_gateway.errors import Fault, UnusableKeyError
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.keys.certificates.channel_rules import expiry_warning
from fla_gateway.keys.model import CertificateFacts, LoadedKey, Objection
from fla_gateway.profiles import Profile

_CONFIGURATION: Final = Text("The configuration and what it opens")
_FILES: Final = Text("Files are there, and belong to the right user")
_CLIENT: Final = Text("The client id is your own")
_KEY: Final = Text("The private key can be read and used")
_PAIR: Final = Text("Key and certificate belong together")
_RULES: Final = Text("What the manual asks of keys and certificates")
_DATES: Final = Text("The certificate is valid now")
_ENVIRONMENT: Final = Text("Token server, audience and API are of one environment")
_NOT_READ: Final = Text("not checked: the key cannot be read")
_NO_CERTIFICATE: Final = Text("no certificate is configured beside the key")

_EXPOSED: Final = frozenset({
    "file-readable-by-others", "file-writable-by-group", "file-of-another-user", "key-file-replaceable",
    "file-writable-by-others", "file-replaceable-by-others",
})  # fmt: skip
"""Warnings of a key or of the configuration that are about files."""
_NO_FILE: Final = frozenset({
    "key-file-not-found", "key-file-not-permitted", "key-file-is-directory", "key-file-unreadable", "key-file-changed",
    "key-file-empty", "key-file-too-large",
})  # fmt: skip
"""Refusals of a key for which no byte of it was judged."""
_OTHER_PAIR: Final = frozenset({"certificate-of-another-key", "certificates-of-other-keys"})
_TOO_EARLY: Final = "certificate-not-yet-valid"
_OF_DATES: Final = frozenset({"certificate-expired", "certificate-expires-soon"})
_OF_CLIENT: Final = frozenset({"client-id-of-manual"})
_SHARED: Final = frozenset({
    "rsa-size-unusual", "curve-unusual", "rsa-pss-key", "certificate-curve-explicit", "certificate-digest-unknown",
    "certificate-digest-unusual", "certificate-usage-missing", "certificate-usage-unusual",
})  # fmt: skip
"""Deviations from the manual that a help desk may read: they name no file."""


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
    own = f"profiles.{profile.name}."
    mine = [it for it in warnings if it.path.startswith(own) or not it.path.startswith("profiles.")]
    yield _configuration([it for it in mine if it.code not in _EXPOSED | _OF_CLIENT])
    yield _files(key, [it for it in mine if it.code in _EXPOSED])
    yield _client(profile, [it for it in mine if it.code in _OF_CLIENT])
    yield _environment(profile)
    if isinstance(key, UnusableKeyError):
        yield from _of_unusable(key)
    elif unfit is not None:
        yield Check("key", "machine", _KEY, "fatal", unfit.message, cure=unfit.cure)
    else:
        yield from _of_usable(profile, key, now)


def _configuration(found: Sequence[Fault]) -> Check:
    if not found:
        # What is no warning here is none: placeholders and mixed environments keep a configuration from being read.
        return Check("configuration", "machine", _CONFIGURATION, "ok", Text("it is read without a warning"))
    return _warned("configuration", _CONFIGURATION, found)


def _files(key: LoadedKey | UnusableKeyError, found: Sequence[Fault]) -> Check:
    if isinstance(key, UnusableKeyError) and key.message.code in _NO_FILE:
        return Check("files", "machine", _FILES, "fatal", key.message, cure=key.cure)
    exposed = [] if isinstance(key, UnusableKeyError) else [it for it in key.warnings if it.message.code in _EXPOSED]
    if exposed:
        first, count = exposed[0], len(exposed) + len(found)
        seen = Text("{message}{more}", message=first.message, more=_more(count))
        return Check("files", "machine", _FILES, "warning", seen, cure=first.cure)
    if found:
        return _warned("files", _FILES, found)
    return Check("files", "machine", _FILES, "ok", Text("no other user can read the key or change the configuration"))


def _warned(code: str, description: Text, found: Sequence[Fault]) -> Check:
    first = found[0]
    seen = Text("{where}: {message}{more}", where=first.position, message=first.message, more=_more(len(found)))
    return Check(code, "machine", description, "warning", seen, cure=first.cure)


def _client(profile: Profile, found: Sequence[Fault]) -> Check:
    if found:
        return _warned("client-id", _CLIENT, found)
    client = profile.token_request.client_id
    return Check("client-id", "machine", _CLIENT, "ok", Text("{client} is in no example", client=client))


def _environment(profile: Profile) -> Check:
    request = profile.token_request
    seen = Text(
        "{environment}: token server {token_url}, audience {audience}, API {api}",
        environment=profile.environment_shown, token_url=request.token_url, audience=request.audience,
        api=profile.upstream.authority,
    )  # fmt: skip
    if profile.borrows_production:
        seen = Text("{seen}; its tokens are good for production, too", seen=seen)
    own = next((it for it in PRESETS.values() if it.token_url == request.token_url), None)
    if request.audience == request.token_url or (own is not None and request.audience == own.issuer):
        # A configuration that mixes token server and API of the social security's environments is not read at all.
        mixed = Text("addresses of two environments")
        return Check("environment", "machine", _ENVIRONMENT, "ok", seen, rules_out=mixed, shared=seen)
    if own is None:
        # A name of the authorization server, perhaps: of a foreign one nothing is known.
        return Check("environment", "machine", _ENVIRONMENT, "ok", seen, shared=seen)
    cause = Text("the audience is neither the address nor the known issuer of this token server")
    for other in PRESETS.values():
        if request.audience in {other.token_url, other.issuer}:
            cause = Text("the audience is that of {environment}", environment=other.name)
    cure = Text("leave audience out, then it is the token_url")
    return Check("environment", "machine", _ENVIRONMENT, "warning", seen, cause, cure, shared=seen)


def _of_unusable(key: UnusableKeyError) -> Iterator[Check]:
    code = key.message.code
    if code in _NO_FILE:
        yield from (skip(*it, _NOT_READ) for it in _OF_KEY)
        return
    is_readable = code in _OTHER_PAIR or code == _TOO_EARLY
    if not is_readable:
        yield Check("key", "machine", _KEY, "fatal", key.message, cure=key.cure)
        yield from (skip(*it, _NOT_READ) for it in _OF_KEY[1:])
        return
    yield Check("key", "machine", _KEY, "ok", Text("it is read"), rules_out=Text("the key file and its password"))
    if code in _OTHER_PAIR:
        yield Check("key-matches-certificate", "machine", _PAIR, "fatal", key.message, cure=key.cure)
        return
    yield Check("key-matches-certificate", "machine", _PAIR, "ok", Text("the certificate is that of the key"))
    shared = Text("valid from {begin} on", begin=_minute(key.valid_from)) if key.valid_from else NOTHING
    yield Check("certificate-dates", "machine", _DATES, "fatal", key.message, cure=key.cure, shared=shared)


_OF_KEY: Final = (
    ("key", "machine", _KEY),
    ("key-matches-certificate", "machine", _PAIR),
    ("certificate-dates", "machine", _DATES),
    ("key-rules", "machine", _RULES),
)


def _of_usable(profile: Profile, key: LoadedKey, now: datetime) -> Iterator[Check]:
    signs = Text("signs with {algorithm}", algorithm=profile.token_request.assertion.alg or key.signer.algorithms[0])
    file = Text("the key file and its password")
    yield Check("key", "machine", _KEY, "ok", signs, rules_out=file, shared=signs)
    facts = key.certificate
    if facts is None:
        yield skip("key-matches-certificate", "machine", _PAIR, _NO_CERTIFICATE)
        yield skip("certificate-dates", "machine", _DATES, _NO_CERTIFICATE)
    else:
        digits = facts.sha256_thumbprint.hex()
        name = (
            Text("{subject}, self-signed, SHA-256 {digits}", subject=facts.subject, digits=digits)
            if facts.self_signed
            else Text("{subject}, SHA-256 {digits}", subject=facts.subject, digits=digits)
        )
        pair = Text("another key than that of the configured certificate")
        # ChaMan shows owner and issuer of a certificate, and no digest.
        yield Check("key-matches-certificate", "machine", _PAIR, "ok", name, rules_out=pair, shared=name)
        yield _dates(facts, now)
    yield _rules([it for it in key.warnings if it.message.code not in _EXPOSED | _OF_DATES])


def _dates(facts: CertificateFacts, now: datetime) -> Check:
    days = (facts.not_after - now).days
    until = Text("until {end}, {days} days left", end=_minute(facts.not_after), days=days)
    warning = expiry_warning(facts.not_after, now)
    if warning is None:
        over = Text("an expired certificate")
        return Check("certificate-dates", "machine", _DATES, "ok", until, rules_out=over, shared=until)
    if now <= facts.not_after:
        return Check("certificate-dates", "machine", _DATES, "warning", until, cure=warning.cure, shared=until)
    ended = Text("it expired on {end}", end=_minute(facts.not_after))
    cause = Text(
        "an expired certificate is probably refused, which no source says; if the same key was certified anew, it works"
    )
    return Check("certificate-dates", "machine", _DATES, "warning", ended, cause, warning.cure, shared=ended)


def _rules(found: Sequence[Objection]) -> Check:
    if not found:
        fine, taken = Text("nothing that the manual forbids"), Text("a kind of key that ChaMan does not take")
        return Check("key-rules", "machine", _RULES, "ok", fine, rules_out=taken, shared=fine)
    first = found[0]
    seen = Text("{message}{more}", message=first.message, more=_more(len(found)))
    return Check("key-rules", "machine", _RULES, "warning", seen, cure=first.cure, shared=_shared(first.message))


def _shared(message: Message) -> Text:
    return message if message.code in _SHARED else NOTHING


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _more(count: int) -> Text:
    return Text("; {count} more: `fla-gateway check`", count=count - 1) if count > 1 else NOTHING
