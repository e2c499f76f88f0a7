"""Adapter: signing with a private key in memory; the two implementations of `signer.Signer`.

Owns JWS signature bytes (RFC 7518, section 3). Refuses to know what is signed, where the key came from, and whether
the channel accepts it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text

_DIGESTS: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_RSA_ALGORITHMS: Final = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
EC_ALGORITHMS: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
"""Curve -> the one algorithm that RFC 7518, section 3.4, ties it to."""


class RsaSigner:
    """RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518, sections 3.3 and 3.5).

    Args:
        key: the private key.
        algorithms: what it may be used for, the default one first; an RSASSA-PSS key (RFC 4055) never signs RS256.
    """

    def __init__(self, key: rsa.RSAPrivateKey, algorithms: tuple[str, ...] = _RSA_ALGORITHMS) -> None:
        self._key = key
        self.algorithms: tuple[str, ...] = algorithms

    def __repr__(self) -> str:
        return f"RsaSigner({self._key.key_size} bits)"

    def sign(self, algorithm: str, signing_input: bytes) -> bytes:
        """See `Signer.sign`."""
        _require(algorithm, self.algorithms)
        digest = _DIGESTS[algorithm[2:]]()
        if algorithm.startswith("PS"):
            # "The size of the salt value is the same size as the hash function output."
            pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
            return self._key.sign(signing_input, pss, digest)
        return self._key.sign(signing_input, padding.PKCS1v15(), digest)


class EcSigner:
    """ECDSA (RFC 7518, section 3.4)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.algorithms: tuple[str, ...] = (EC_ALGORITHMS[key.curve.name],)

    def __repr__(self) -> str:
        return f"EcSigner({self._key.curve.name})"

    def sign(self, algorithm: str, signing_input: bytes) -> bytes:
        """See `Signer.sign`."""
        _require(algorithm, self.algorithms)
        digest = _DIGESTS[algorithm[2:]]()
        r, s = decode_dss_signature(self._key.sign(signing_input, ec.ECDSA(digest)))
        # "Turn R and S into octet sequences in big-endian order, with each array being [...] octets long. The octet
        # sequence representations MUST NOT be shortened": 66 octets each for P-521.
        width = (self._key.curve.key_size + 7) // 8
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def _require(algorithm: str, algorithms: tuple[str, ...]) -> None:
    if algorithm not in algorithms:
        raise UnusableKeyError(
            Message("key-cannot-sign-with", "this key cannot sign with {algorithm}", algorithm=algorithm),
            Text("leave assertion.alg out, or choose one of: {algorithms}", algorithms=", ".join(algorithms)),
        )
