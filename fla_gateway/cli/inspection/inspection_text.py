"""Value: a file that was looked into, as a person reads it.

Owns order and words. Refuses to hold any part of a private key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography import x509

from fla_gateway.cli.inspection.inspection_json import base64url
from fla_gateway.cli.inspection.judged import JudgedFile
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.keys.certificate_fields import issuer_of, subject_of
from fla_gateway.keys.certificates.certificate import facts, shown_name
from fla_gateway.keys.certificates.chaman_entry import chaman_entry, may_be_next_day
from fla_gateway.keys.certificates.rule_report import (
    CHAMAN_WORDS,
    DEMANDS,
    GATEWAY_WORDS,
    OF_THE_MANUAL,
    RuleResult,
    described,
)
from fla_gateway.keys.inspected_file import Identity, InspectedFile

_KINDS: Final = {
    "pkcs12": Text("PKCS#12"),
    "key": Text("private key"),
    "certificates": Text("certificate, without a private key"),
}
_WIDTH: Final = 15
_HOLDS: Final = {True: Text("holds"), False: Text("FAILS"), None: Text("not judged")}


def lines(found: JudgedFile) -> Iterator[str]:
    """Write what was found."""
    file = found.file
    yield Text("{path}: {kind}", path=file.path, kind=_KINDS[file.kind])
    if file.aliases:
        yield Text("aliases of its private keys: {aliases}", aliases=", ".join(file.aliases))
    for warning in file.warnings:
        yield Text("warning: {warning}", warning=warning.sentence)
    for one, rules in found.identities:
        if len(file.identities) > 1:
            yield ""
        if len(file.identities) > 1 and one.alias:
            yield Text("alias {alias}", alias=one.alias)
        yield from _identity(file, one, rules)
    if file.further:
        yield ""
        yield Plural("{count} further certificate in the file:", "{count} further certificates in the file:",
                     count=len(file.further))  # fmt: skip
        yield from (Text("  {subject}", subject=shown_name(subject_of(it))) for it in file.further)
    yield ""
    yield _verdict(found)


def _identity(file: InspectedFile, one: Identity, rules: tuple[RuleResult, ...]) -> Iterator[str]:
    if one.key is not None:
        yield Text("private key: {kind}; nothing of it is shown", kind=described(one.key))
    if one.certificate is not None:
        yield ""
        yield from _certificate(one.certificate)
    yield ""
    yield Text("Rules of the manual (4.4.1):")
    for rule in rules:
        if rule.name in OF_THE_MANUAL:
            yield from _rule(rule)
    yield Text("Further:")
    for rule in rules:
        if rule.name not in OF_THE_MANUAL:
            yield from _rule(rule)
    if one.certificate is not None:
        yield ""
        yield from _chaman(file, one, one.certificate)


def _rule(rule: RuleResult) -> Iterator[str]:
    if rule.seen:
        yield Text("  {holds}: {demand}; {seen}", holds=_HOLDS[rule.holds], demand=DEMANDS[rule.name], seen=rule.seen)
    else:
        yield Text("  {holds}: {demand}", holds=_HOLDS[rule.holds], demand=DEMANDS[rule.name])
    if rule.objection is not None and rule.verdict is not None:
        yield Text("      {message}", message=rule.objection.message)
        gateway, chaman = GATEWAY_WORDS[rule.verdict.gateway], CHAMAN_WORDS[rule.verdict.chaman]
        yield Text("      {gateway}; {chaman}", gateway=gateway, chaman=chaman)
        yield Text("      cure: {cure}", cure=rule.objection.cure)


def _certificate(certificate: x509.Certificate) -> Iterator[str]:
    seen = facts(certificate)
    issuer = Text("itself (self-signed)") if seen.self_signed else _shown_issuer(certificate)
    yield Text("certificate of {subject}", subject=_subject(certificate))
    yield Text("  issued by {issuer}", issuer=issuer)
    yield Text(
        "  valid from {begin} to {end} UTC",
        begin=f"{seen.not_before:%Y-%m-%d %H:%M}",
        end=f"{seen.not_after:%Y-%m-%d %H:%M}",
    )
    thumbprints = {
        "SHA-1": _spaced(seen.sha1_thumbprint), "SHA-256": _spaced(seen.sha256_thumbprint),
        "x5t": base64url(seen.sha1_thumbprint), "x5t#S256": base64url(seen.sha256_thumbprint),
    }  # fmt: skip
    yield from (f"  {name:<{_WIDTH}} {value}" for name, value in thumbprints.items())


def _chaman(file: InspectedFile, one: Identity, certificate: x509.Certificate) -> Iterator[str]:
    yield Text(
        "ChaMan shows, in these words and no thumbprint (the name is the one you give; the rest as in the one example "
        "of the manual):"
    )
    entry = chaman_entry(file.path, certificate, one.alias if len(file.identities) > 1 else "")
    for name, value in entry.members().items():
        yield Text("  {name} {value}", name=f"{name:<{_WIDTH}}", value=value or Text("not in the certificate"))
    if may_be_next_day(certificate.not_valid_after_utc):
        yield Text("  The end is late in the evening (UTC): in Belgium it may be the next day.")


def _verdict(found: JudgedFile) -> Text:
    if found.is_well:
        return Text("Nothing found.")
    failing = sum(rule.holds is False for rules in found.rules for rule in rules) + len(found.file.warnings)
    return Plural("{count} finding", "{count} findings", count=failing)


def _subject(certificate: x509.Certificate) -> str:
    return shown_name(subject_of(certificate))


def _shown_issuer(certificate: x509.Certificate) -> Text:
    return Text("{issuer}", issuer=shown_name(issuer_of(certificate)))


def _spaced(octets: bytes) -> str:
    """Write a thumbprint as OpenSSL and Windows do, in pairs."""
    return octets.hex(":").upper()
