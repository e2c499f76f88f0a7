"""Throw-away keys, certificates and PKCS#12 files, and a small TLS authority, made on the spot for tests.

Owns the making of good and of deliberately bad material. Refuses to know the gateway: nothing of `fla_gateway` is
imported, so that a mistake there cannot hide itself here.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Digest: TypeAlias = hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512

NOW = datetime.now(UTC).replace(microsecond=0)
"""The time at which this test session began; certificates are valid around it."""
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Issuer:
    """A certificate together with the key that signs for it."""

    certificate: x509.Certificate
    key: PrivateKey


@cache
def make_rsa(bits: int = 2048, label: str = "") -> rsa.RSAPrivateKey:
    """Give an RSA key of so many bits: the same one in the whole session for the same arguments, since making is slow.

    Args:
        bits: length of the modulus.
        label: another label gives another key of the same length.
    """
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_ec(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Make a new EC key, on P-384 unless told otherwise."""
    return ec.generate_private_key(curve or ec.SECP384R1())


def make_certificate(
    key: PrivateKey,
    *,
    subject: str = "Acme NV",
    issuer: Issuer | None = None,
    digest: Digest | None = None,
    key_usage: str | None = "digital_signature",
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> x509.Certificate:
    """Make a certificate for `key`: by default one that follows every rule of the channel, self-signed.

    Args:
        key: its public half goes into the certificate.
        subject: common name.
        issuer: who signs; None for a self-signed certificate.
        digest: SHA-256 by default. SHA-1 gives a certificate that says SHA-1 (see `_relabelled_sha1`).
        key_usage: words of `x509.KeyUsage` separated by spaces; None leaves the extension out.
        not_before: yesterday by default.
        not_after: in a year by default.
        extensions: further extensions, each with whether it is critical.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or NOW - timedelta(days=1))
        .not_valid_after(not_after or NOW + YEAR)
    )
    if key_usage is not None:
        builder = builder.add_extension(_key_usage(key_usage), critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    signing_key = issuer.key if issuer else key
    if isinstance(signing_key, ed25519.Ed25519PrivateKey):
        return builder.sign(signing_key, None)
    if isinstance(digest, hashes.SHA1):
        return _relabelled_sha1(builder.sign(signing_key, hashes.SHA256()))
    return builder.sign(signing_key, digest or hashes.SHA256())


def _key_usage(words: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    wanted = set(words.split())
    assert wanted <= set(names), wanted
    return x509.KeyUsage(**{name: name in wanted for name in names})


def _relabelled_sha1(certificate: x509.Certificate) -> x509.Certificate:
    """Say SHA-1 where SHA-256 stood: the library makes no SHA-1 certificates, and only the label is judged.

    The last byte of the two object identifiers tells the digests apart, and both have the same length:
    sha256WithRSAEncryption is 1.2.840.113549.1.1.11, sha1WithRSAEncryption 1.2.840.113549.1.1.5 (RFC 8017).
    """
    sha256_rsa, sha1_rsa = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert der.count(sha256_rsa) == 2, "only certificates signed by an RSA key can be relabelled"
    return x509.load_der_x509_certificate(der.replace(sha256_rsa, sha1_rsa))


def key_pem(key: PrivateKey, *, password: str | None = None, traditional: bool = False) -> bytes:
    """Write a private key as PEM: PKCS#8, or PKCS#1 and SEC1 if `traditional`; encrypted if there is a password."""
    form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Write certificates one after the other as PEM."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def pkcs12_bytes(
    key: PrivateKey | None,
    certificate: x509.Certificate | None,
    password: str | None = None,
    *chain: x509.Certificate,
) -> bytes:
    """Write a modern (AES-256) PKCS#12 file; without encryption if there is no password."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"acme", key, certificate, chain or None, encryption)


def write_private(path: Path, content: bytes | str) -> Path:
    """Write a file that only its owner can read, and give its path back."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def write_identity(folder: Path, name: str = "acme", key: PrivateKey | None = None) -> tuple[Path, Path]:
    """Write NAME.pem (private key) and NAME.cer (its self-signed certificate) that the channel accepts.

    Returns:
        The paths of the key and of the certificate.
    """
    owner = key or make_rsa()
    key_file = write_private(folder / f"{name}.pem", key_pem(owner))
    certificate_file = write_private(folder / f"{name}.cer", certificate_pem(make_certificate(owner, subject=name)))
    return key_file, certificate_file


class TlsAuthority:
    """A certificate authority for TLS servers of tests, strict enough for Python 3.13 (RFC 5280, section 4.2.1).

    VERIFY_X509_STRICT asks for keyUsage and a subject key identifier in the root, and an authority key identifier in
    what it issues. Keys are P-256: quick to make, and this has nothing to do with the channel's rules for signing.
    """

    def __init__(self, name: str = "Test TLS authority") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = make_certificate(
            key,
            subject=name,
            key_usage="key_cert_sign crl_sign",
            extensions=((constraints, True), (identifier, False)),
        )
        self.issuer = Issuer(certificate, key)

    @cached_property
    def pem(self) -> bytes:
        """The root certificate, for a `ca_file`."""
        return certificate_pem(self.issuer.certificate)

    def issue(
        self, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Issue a server certificate with a new key.

        Args:
            names: DNS names and IP addresses; ``localhost``, ``127.0.0.1`` and ``::1`` if there are none.
            not_before: as for `make_certificate`.
            not_after: as for `make_certificate`.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        wanted = names or ("localhost", "127.0.0.1", "::1")
        certificate = make_certificate(
            key,
            subject=wanted[0],
            issuer=self.issuer,
            not_before=not_before,
            not_after=not_after,
            extensions=(
                (x509.SubjectAlternativeName([_general_name(name) for name in wanted]), False),
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
                (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuer.key.public_key()), False),
            ),
        )
        return certificate, key

    def write_root(self, folder: Path, name: str = "ca.pem") -> Path:
        """Write the root certificate into a folder."""
        path = folder / name
        path.write_bytes(self.pem)
        return path

    def write_server(
        self, folder: Path, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> tuple[Path, Path]:
        """Issue a server certificate and write it.

        Returns:
            The paths of the certificate and of its private key, as `ssl.SSLContext.load_cert_chain` takes them.
        """
        certificate, key = self.issue(*names, not_before=not_before, not_after=not_after)
        stem = f"server-{certificate.serial_number:x}"
        certificate_file = write_private(folder / f"{stem}.crt", certificate_pem(certificate))
        return certificate_file, write_private(folder / f"{stem}.key", key_pem(key))

    def server_context(
        self, folder: Path, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> ssl.SSLContext:
        """Make a server's TLS context with a new certificate; the files stay in `folder`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.write_server(folder, *names, not_before=not_before, not_after=not_after))
        return context

    def client_context(self) -> ssl.SSLContext:
        """Make a client's TLS context that trusts this authority alone."""
        return ssl.create_default_context(cadata=self.pem.decode())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
