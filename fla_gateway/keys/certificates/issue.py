"""A new key with its self-signed certificate, as the manual allows them.

Owns what is in the certificate. Refuses to know files (`pair_files`) and to judge a certificate that is there already
(`channel_rules`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from fla_gateway.lean_dataclass import dataclass

Digest = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KeyType = Literal["rsa3072", "rsa2048", "rsa4096", "p384", "p521"]
KEY_TYPES: Final[tuple[KeyType, ...]] = get_args(KeyType)
"""Those of the manual, 4.4.1; the first is what is made unasked."""
_BACKDATING: Final = timedelta(minutes=10)
"""A machine whose clock is ahead would make a certificate that the government side does not take yet."""
_EXPONENT: Final = 65_537
_CURVES: Final[dict[KeyType, tuple[ec.EllipticCurve, Digest]]] = {
    "p384": (ec.SECP384R1(), hashes.SHA384()),
    "p521": (ec.SECP521R1(), hashes.SHA512()),
}


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A private key and its certificate."""

    key: PrivateKey
    certificate: x509.Certificate


def new_pair(kind: KeyType, company: str, enterprise_number: str, now: datetime, days: int) -> Pair:
    """Make a key, and a certificate of it that keeps every rule of the manual.

    Takes up to seconds for RSA. Common name and organization are the company's name, since the manual asks for a
    certificate "op naam van uw onderneming" and no more; that the enterprise number is in the subject is a choice of
    this program.

    Args:
        kind: of the key.
        company: 1 to 64 characters (RFC 5280, appendix A.1: ub-common-name and ub-organization-name).
        enterprise_number: ten digits.
        now: when its validity begins, less some minutes.
        days: how long it is valid.
    """
    key, digest = _new_key(kind)
    name = _name(company, enterprise_number)
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATING)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_DIGITAL_SIGNATURE, critical=True)
        .sign(key, digest)
    )
    return Pair(key, certificate)


def _new_key(kind: KeyType) -> tuple[PrivateKey, Digest]:
    if kind in _CURVES:
        curve, digest = _CURVES[kind]
        return ec.generate_private_key(curve), digest
    return rsa.generate_private_key(_EXPONENT, int(kind.removeprefix("rsa"))), hashes.SHA256()


def _name(company: str, enterprise_number: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, company),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, enterprise_number),
            x509.NameAttribute(NameOID.COMMON_NAME, company),
        ]
    )


_DIGITAL_SIGNATURE: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
