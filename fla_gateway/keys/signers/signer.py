"""Port: what signs an assertion.

Owns the Protocol. Refuses to know where the key is kept.
"""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Signs with one private key; a token module or a remote service may implement it one day."""

    @property
    def algorithms(self) -> tuple[str, ...]:
        """JWS algorithms that the key can be used with, the default one first."""
        ...

    def sign(self, algorithm: str, signing_input: bytes) -> bytes:
        """Sign and give the JWS signature (RFC 7515, section 5.1), not yet base64url-encoded.

        Blocks for as long as the arithmetic takes (a few milliseconds for RSA-4096): call it in a thread.

        Args:
            algorithm: one of `algorithms`.
            signing_input: ASCII of encoded header, period, encoded payload.

        Raises:
            UnusableKeyError: the key cannot be used with this algorithm.
        """
        ...
