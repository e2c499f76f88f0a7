"""Value: a file that was looked into, as JSON.

Owns the form, which is part of the public contract (docs/certificates.md). Refuses to hold any part of a private key.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from fla_gateway.cli.inspection.judged import JudgedFile
from fla_gateway.keys.certificate_fields import issuer_of
from fla_gateway.keys.certificates.certificate import facts, public_key_of
from fla_gateway.keys.certificates.chaman_entry import chaman_entry
from fla_gateway.keys.certificates.rule_report import DEMANDS, OF_THE_MANUAL, RuleResult
from fla_gateway.keys.inspected_file import Identity, InspectedFile
from fla_gateway.keys.model import CertificateFacts, Objection


def document(found: JudgedFile) -> dict[str, Any]:
    """Write what was found as the members of a JSON object."""
    file = found.file
    return {
        "ok": found.is_well,
        "file": str(file.path.absolute()),
        "kind": file.kind,
        "aliases": list(file.aliases),
        "identities": [_identity(file, one, rules) for one, rules in found.identities],
        "further_certificates": [_certificate(it) for it in file.further],
        "warnings": [_objection(it) for it in file.warnings],
    }


def base64url(octets: bytes) -> str:
    """Write octets as JOSE does (RFC 7515, section 2)."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _identity(file: InspectedFile, one: Identity, rules: tuple[RuleResult, ...]) -> dict[str, Any]:
    certificate = one.certificate
    alias = one.alias if len(file.identities) > 1 else ""
    public = one.key or (None if certificate is None else public_key_of(certificate))
    return {
        "alias": one.alias or None,
        "private_key": one.key is not None,
        "key": None if public is None else _key(public),
        "certificate": None if certificate is None else _certificate(certificate),
        "belongs_together": None if one.key is None or certificate is None else one.foreign is None,
        "rules": [_rule(it) for it in rules],
        "chaman": None if certificate is None else chaman_entry(file.path, certificate, alias).members(),
    }


def _key(key: PublicKeyTypes) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPublicKey):
        return {"kind": "RSA", "bits": key.key_size, "curve": None}
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"kind": "EC", "bits": key.key_size, "curve": key.curve.name}
    return {"kind": type(key).__name__.removesuffix("PublicKey").removeprefix("_"), "bits": None, "curve": None}


def _certificate(certificate: x509.Certificate) -> dict[str, Any]:
    seen: CertificateFacts = facts(certificate)
    return {
        "subject": seen.subject,
        "issuer": issuer_of(certificate).rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "self_signed": seen.self_signed,
        "not_before": f"{seen.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{seen.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "sha1": seen.sha1_thumbprint.hex(),
        "sha256": seen.sha256_thumbprint.hex(),
        "x5t": base64url(seen.sha1_thumbprint),
        "x5t#S256": base64url(seen.sha256_thumbprint),
    }


def _rule(rule: RuleResult) -> dict[str, Any]:
    verdict = rule.verdict
    return {
        "rule": rule.name,
        "manual": OF_THE_MANUAL.get(rule.name),
        "demand": DEMANDS[rule.name],
        "holds": rule.holds,
        "seen": rule.seen,
        **({"code": None, "message": "", "cure": ""} if rule.objection is None else _objection(rule.objection)),
        "gateway": None if verdict is None else verdict.gateway,
        "chaman": None if verdict is None else verdict.chaman,
    }


def _objection(one: Objection) -> dict[str, str]:
    return {"code": one.message.code, "message": one.message, "cure": one.cure}
