"""The registered clients, as ChaMan would hold them.

Owns client id, certificates and granted scopes, and the rules that a certificate must keep at registration. Refuses
to know assertions. The rules are those of the manual for self-signed certificates (Opzetten kanaal REST API,
17/09/2024): RSA 2048, 3072 or 4096, or P-384 or P-521; SHA-256, SHA-384 or SHA-512; key usage digitalSignature.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey

from fla_gateway.sandbox.errors import SandboxError
from fla_gateway.sandbox.options import DEFAULT_SCOPES

MAX_CLIENTS: Final = 1_024
"""A thousand, and those that a sandbox makes for itself."""
MAX_KEYS: Final = 10
RSA_SIZES: Final = (2048, 3072, 4096)
CURVES: Final = {"secp384r1": "P-384", "secp521r1": "P-521"}
DIGESTS: Final = ("sha256", "sha384", "sha512")

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A public key that may verify a client's assertions.

    Attributes:
        kind: ``RSA``, ``P-384`` or ``P-521``.
        key: the key in the form that joserfc verifies with.
        not_before: start of the certificate's validity, seconds since 1970; minus infinity for a bare key.
        not_after: end of the certificate's validity, seconds since 1970; infinity for a bare key.
    """

    kind: str
    key: RSAKey | ECKey
    not_before: float = float("-inf")
    not_after: float = float("inf")


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client and what it may have; speaks the words that authlib asks of a client."""

    client_id: str
    keys: tuple[RegisteredKey, ...]
    scopes: tuple[str, ...]

    def get_client_id(self) -> str:
        """Give the client id."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Give the scope of the token, or None if something is asked for that was not granted.

        Without a scope in the request "your client's default scopes will be selected" (official token page).
        """
        if scope is None:
            return " ".join(self.scopes)
        wanted = scope.split()
        return " ".join(wanted) if wanted and set(wanted) <= set(self.scopes) else None

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Say whether the client may authenticate so: with an assertion, at the token endpoint."""
        return method == "private_key_jwt" and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether the client may use the grant."""
        return grant_type == "client_credentials"


@dataclass(slots=True)
class ClientRegistry:
    """Every registered client, bounded."""

    _clients: dict[str, RegisteredClient] = field(default_factory=dict)

    def get(self, client_id: str) -> RegisteredClient | None:
        """Give the client, or None."""
        return self._clients.get(client_id)

    def register(
        self, client_id: str, credential: bytes | str | PublicKey | x509.Certificate, scopes: Iterable[str] | None
    ) -> RegisteredClient:
        """Register a client, or add a key to a registered one (ChaMan keeps a list of certificates).

        Args:
            client_id: the client id, opaque.
            credential: certificate or public key: PEM, DER of a certificate, or an object of cryptography.
            scopes: granted scopes; None keeps those of a known client and gives a new one `DEFAULT_SCOPES`.

        Raises:
            SandboxError: the credential breaks a rule of the channel, or the registry is full.
        """
        key = read_credential(credential)
        known = self._clients.get(client_id)
        if known is None and len(self._clients) >= MAX_CLIENTS:
            raise SandboxError(f"the sandbox holds at most {MAX_CLIENTS} clients")
        keys = (*(known.keys if known else ()), key)
        if len(keys) > MAX_KEYS:
            raise SandboxError(f"a client has at most {MAX_KEYS} keys")
        granted = tuple(scopes) if scopes is not None else (known.scopes if known else DEFAULT_SCOPES)
        client = RegisteredClient(client_id, keys, granted)
        self._clients[client_id] = client
        return client


def read_credential(credential: bytes | str | PublicKey | x509.Certificate) -> RegisteredKey:
    """Read and judge a certificate or public key.

    Raises:
        SandboxError: it cannot be read, or breaks a rule of the channel.
    """
    if isinstance(credential, (bytes, str)):
        credential = _parse(credential.encode() if isinstance(credential, str) else credential)
    if not isinstance(credential, x509.Certificate):
        return RegisteredKey(*_judged_key(credential))
    digest = credential.signature_hash_algorithm
    if digest is None or digest.name not in DIGESTS:
        raise SandboxError("the certificate is not signed with SHA-256, SHA-384 or SHA-512")
    if not _may_sign(credential):
        raise SandboxError("the certificate's key usage lacks digitalSignature")
    kind, key = _judged_key(credential.public_key())
    not_before, not_after = credential.not_valid_before_utc, credential.not_valid_after_utc
    return RegisteredKey(kind, key, not_before.timestamp(), not_after.timestamp())


def _parse(data: bytes) -> PublicKey | x509.Certificate:
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            return x509.load_pem_x509_certificate(data)
        if b"-----BEGIN PUBLIC KEY-----" in data:
            key = serialization.load_pem_public_key(data)
        else:
            return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise SandboxError("neither a certificate (PEM or DER) nor a public key (PEM)") from error
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise SandboxError("the key is neither RSA nor EC")
    return key


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature


def _judged_key(key: object) -> tuple[str, RSAKey | ECKey]:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_SIZES:
            raise SandboxError(f"an RSA key has 2048, 3072 or 4096 bits, this one {key.key_size}")
        return "RSA", RSAKey.import_key(_spki(key))
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise SandboxError(f"an EC key is on P-384 or P-521, this one on {key.curve.name}")
        return CURVES[key.curve.name], ECKey.import_key(_spki(key))
    raise SandboxError("the key is neither RSA nor EC")


def _spki(key: PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
