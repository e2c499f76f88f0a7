"""Rule: which rules a key and its certificate keep, and what gateway and ChaMan are likely to make of those that fail.

Owns the list of the rules, in the order of the manual ("Opzetten kanaal REST API", 17/09/2024, section 4.4.1), and the
two columns of docs/keys.md. Refuses to judge: `channel_rules` does, for a gateway that starts as for a file that is
looked at. What ChaMan says on its screens was never seen; what is here follows from the manual.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.keys.certificate_fields import issuer_of, subject_of
from fla_gateway.keys.certificates import channel_rules
from fla_gateway.keys.certificates.certificate import facts, public_key_of, shown_name
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass

Name = Literal["algorithm", "key-size", "digest", "key-usage", "subject", "issuer", "pair", "validity", "rsa-pss"]
Gateway = Literal["refuses", "refuses-until-then", "warns"]
Chaman = Literal["refuses", "likely-refuses", "may-take", "takes", "not-known"]


class Verdict(NamedTuple):
    """What becomes of something that is against a rule.

    Attributes:
        gateway: what this program does with it.
        chaman: what ChaMan or the token server is likely to do.
    """

    gateway: Gateway
    chaman: Chaman


VERDICTS: Final[dict[str, Verdict]] = {
    "key-kind-unusable": Verdict("refuses", "refuses"),
    "rsa-too-short": Verdict("refuses", "refuses"),
    "curve-unusable": Verdict("refuses", "refuses"),
    "rsa-pss-unusable": Verdict("refuses", "refuses"),
    "certificate-of-another-key": Verdict("refuses", "not-known"),
    "certificates-of-other-keys": Verdict("refuses", "not-known"),
    "certificate-not-yet-valid": Verdict("refuses-until-then", "may-take"),
    "certificate-expired": Verdict("warns", "likely-refuses"),
    "certificate-expires-soon": Verdict("warns", "takes"),
    "certificate-usage-missing": Verdict("warns", "likely-refuses"),
    "certificate-usage-unusual": Verdict("warns", "likely-refuses"),
    "certificate-extensions-unreadable": Verdict("warns", "likely-refuses"),
    "certificate-subject-empty": Verdict("warns", "likely-refuses"),
    "certificate-digest-unusual": Verdict("warns", "likely-refuses"),
    "certificate-digest-unknown": Verdict("warns", "likely-refuses"),
    "certificate-curve-explicit": Verdict("warns", "likely-refuses"),
    "key-curve-explicit": Verdict("warns", "likely-refuses"),
    "certificate-key-unreadable": Verdict("warns", "likely-refuses"),
    "rsa-size-unusual": Verdict("warns", "likely-refuses"),
    "curve-unusual": Verdict("warns", "likely-refuses"),
    "rsa-pss-key": Verdict("warns", "not-known"),
}
"""Code of an objection -> what becomes of it: the table of docs/keys.md, "Who judges a key and its certificate"."""
GATEWAY_WORDS: Final[dict[Gateway, Text]] = {
    "refuses": Text("the gateway refuses it"),
    "refuses-until-then": Text("the gateway refuses it until then"),
    "warns": Text("the gateway warns and uses it"),
}
CHAMAN_WORDS: Final[dict[Chaman, Text]] = {
    "refuses": Text("ChaMan refuses it"),
    "likely-refuses": Text("ChaMan is likely to refuse it"),
    "may-take": Text("ChaMan may take it"),
    "takes": Text("ChaMan takes it"),
    "not-known": Text("what ChaMan says is not known"),
}
OF_THE_MANUAL: Final[dict[Name, str]] = {
    "algorithm": "Algoritme om het sleutelpaar te maken",
    "key-size": "Sleutelgrootte (bits)",
    "digest": "Digest-algoritme van de handtekening van het certificaat",
    "key-usage": "Key Usage van het certificaat",
    "subject": "op naam van uw onderneming",
    "issuer": "Certificatie-autoriteit",
}
"""The rules of the manual, by its own words; the others are this gateway's."""
_AUTHORITY: Final = "globalsign"
DEMANDS: Final[dict[Name, Text]] = {
    "algorithm": Text("the key is RSA or EC"),
    "key-size": Text("its size is 2048, 3072 or 4096 (RSA), P-384 or P-521 (EC)"),
    "digest": Text("the certificate is signed with SHA-256, SHA-384 or SHA-512"),
    "key-usage": Text("its key usage includes Digital Signature"),
    "subject": Text("a self-signed certificate is in the name of the enterprise"),
    "issuer": Text("the authority is the one that the manual names: GlobalSign, PersonalSign 3 Pro"),
    "pair": Text("key and certificate belong together"),
    "validity": Text("the certificate is valid now, and for more than 60 days"),
    "rsa-pss": Text("the key is not limited to RSASSA-PSS"),
}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule came out.

    Attributes:
        name: of the rule.
        holds: None where it cannot be judged.
        seen: what was found; empty where an objection says it.
        objection: what is against it, or None.
    """

    name: Name
    holds: bool | None
    seen: Text = NOTHING
    objection: Objection | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What becomes of the objection; None without one."""
        return None if self.objection is None else VERDICTS[self.objection.message.code]


def judge(
    key: PublicKeyTypes | None,
    certificate: x509.Certificate | None,
    now: datetime,
    *,
    foreign: Objection | None = None,
    explicit: Objection | None = None,
    pss: tuple[str, ...] | None = None,
) -> tuple[RuleResult, ...]:
    """Judge a key, a certificate, or both.

    Args:
        key: public half of the private key; None where there is only a certificate.
        certificate: that of the key, or None.
        now: the time to judge validity by.
        foreign: that the certificates of the file are of other keys, or None.
        explicit: that the file of the key spells its curve out, or None.
        pss: JWS algorithms that the key is limited to; None for a key that is no RSASSA-PSS key.
    """
    public = key if key is not None or certificate is None else public_key_of(certificate)
    curve = explicit if certificate is None else channel_rules.curve_deviation(certificate) or explicit
    return (
        *_of_key(public, curve),
        *_of_certificate(certificate),
        _pair(key, certificate, foreign),
        _validity(certificate, now),
        *_pss(pss),
    )


def _of_key(key: PublicKeyTypes | None, curve: Objection | None) -> Iterator[RuleResult]:
    if key is None:
        # Only a certificate, whose key the library cannot read: a curve that is spelled out, or damage.
        explicit = curve is not None and curve.message.code == "certificate-curve-explicit"
        yield RuleResult("algorithm", explicit or None)
        yield RuleResult("key-size", False if curve else None, objection=curve)
        return
    unusable = channel_rules.unusable_key(key)
    of_kind = unusable is not None and unusable.message.code == "key-kind-unusable"
    if of_kind:
        yield RuleResult("algorithm", holds=False, objection=unusable)
        yield RuleResult("key-size", None)
        return
    yield RuleResult("algorithm", holds=True)
    against = unusable or channel_rules.key_deviation(key) or curve
    yield RuleResult("key-size", against is None, NOTHING if against else described(key), against)


def _of_certificate(certificate: x509.Certificate | None) -> Iterator[RuleResult]:
    if certificate is None:
        yield RuleResult("digest", None)
        yield RuleResult("key-usage", None)
        return
    digest, usage = channel_rules.digest_deviation(certificate), channel_rules.usage_deviation(certificate)
    yield RuleResult("digest", digest is None, NOTHING if digest else _digest(certificate), digest)
    yield RuleResult("key-usage", usage is None, objection=usage)
    yield _subject(certificate) if subject_of(certificate) == issuer_of(certificate) else _issuer(certificate)


def _subject(certificate: x509.Certificate) -> RuleResult:
    against = channel_rules.subject_deviation(certificate)
    if against is not None:
        return RuleResult("subject", holds=False, objection=against)
    name = channel_rules.enterprise_name(certificate)
    return RuleResult(
        "subject", None, Text("it names {name}: whether that is yours, this program cannot know", name=name)
    )


def _issuer(certificate: x509.Certificate) -> RuleResult:
    """Compare the authority with the one that the manual names; which others ChaMan takes is not known."""
    name = shown_name(issuer_of(certificate))
    if _AUTHORITY in name.lower():
        return RuleResult("issuer", holds=True)
    return RuleResult("issuer", None, Text("it is of {name}: whether ChaMan takes that is not known", name=name))


def _pair(key: PublicKeyTypes | None, certificate: x509.Certificate | None, foreign: Objection | None) -> RuleResult:
    if foreign is not None:
        return RuleResult("pair", holds=False, objection=foreign)
    if key is None:
        return RuleResult("pair", None, Text("there is no private key in the file"))
    if certificate is None:
        return RuleResult("pair", None, Text("there is no certificate in the file"))
    return RuleResult("pair", holds=True)


def _validity(certificate: x509.Certificate | None, now: datetime) -> RuleResult:
    if certificate is None:
        return RuleResult("validity", None)
    found = facts(certificate)
    against = channel_rules.not_yet_valid(found.not_before, now) or channel_rules.expiry_warning(found.not_after, now)
    until = Text("until {end} UTC", end=f"{found.not_after:%Y-%m-%d %H:%M}")
    return RuleResult("validity", against is None, NOTHING if against else until, against)


def _pss(pss: tuple[str, ...] | None) -> Iterator[RuleResult]:
    if pss is not None:
        against = channel_rules.pss_deviation(pss[0]) if pss else channel_rules.unusable_pss()
        yield RuleResult("rsa-pss", holds=False, objection=against)


def described(key: PublicKeyTypes) -> Text:
    """Name kind and size of a key."""
    if isinstance(key, rsa.RSAPublicKey):
        return Text("RSA with {bits} bits", bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = key.curve.name
        return Text("EC on {curve}", curve=channel_rules.CURVES.get(name, name))
    return Text("{kind}", kind=channel_rules.kind_of(key))


def _digest(certificate: x509.Certificate) -> Text:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        digest = None
    return NOTHING if digest is None else Text("{digest}", digest=channel_rules.digest_name(digest.name))
