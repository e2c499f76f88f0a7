"""Throw-away keys and certificates: a CA with one server certificate, and a client's self-signed certificate.

Owns how they are made. Refuses to know where they are kept. The CA carries key usage and key identifiers, which
Python 3.13 and later demand (`ssl.VERIFY_X509_STRICT`, RFC 5280).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY: Final = dt.timedelta(days=90)
BACKDATING: Final = dt.timedelta(minutes=10)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class ServerCredentials:
    """What a TLS server needs, in PEM; the CA's private key is not kept.

    Attributes:
        ca: the CA's certificate.
        certificate: the server's certificate, with or without its key.
        key: the server's key; empty where it is with the certificate.
    """

    ca: bytes
    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client's private key (PKCS#8) and self-signed certificate, in PEM."""

    key: bytes
    certificate: bytes


def make_server_credentials(names: tuple[str, ...], now: float) -> ServerCredentials:
    """Make a CA and a server certificate for `names` and for the loopback addresses.

    Args:
        names: host names or IP addresses.
        now: seconds since 1970.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Sandbox throw-away CA")
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_name(names[0]), ca_name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives_of(names)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return ServerCredentials(_pem(ca), _pem(certificate), _key_pem(key))


def alternatives_of(names: tuple[str, ...]) -> list[x509.GeneralName]:
    """Return what a server certificate for `names` says of them, the loopback addresses with them."""
    return [_alternative(name) for name in dict.fromkeys((*names, "127.0.0.1", "::1"))]


def make_client_credentials(now: float) -> ClientCredentials:
    """Make an RSA-2048 key and a self-signed certificate that keeps the channel's rules.

    Takes some tenths of a second: call it in a thread.
    """
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    name = _name("Sandbox employer")
    certificate = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return ClientCredentials(_key_pem(key), _pem(certificate))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, now: float
) -> x509.CertificateBuilder:
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - BACKDATING)
        .not_valid_after(moment + VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "fla-gateway sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
