"""What is inside an encrypted private key, looked at without loading it: why it is not loaded, what it is limited to.

Owns the choice of the scheme. Refuses to give a key: a library that cannot load one says nothing of what it saw.
"""

from __future__ import annotations

from fla_gateway.keys import asn1
from fla_gateway.keys.encryption import older_pem, pbes2
from fla_gateway.keys.files import format_detection, older_pbe
from fla_gateway.keys.files.der_label import ENCRYPTED, KEY_LABELS, first_value
from fla_gateway.keys.files.pem import Block


def decrypted(block: Block, secrets: tuple[bytes, ...]) -> Block | None:
    """Decrypt a private key with the first of several spellings of its password that does.

    Returns:
        The key as an unencrypted block; None if no spelling fits, or the scheme is none of those known here.
    """
    for secret in secrets:
        plain = _plain(block, secret)
        found = None if plain is None else first_value(plain)
        if found is not None and found[0] in KEY_LABELS - {ENCRYPTED}:
            return Block(found[0], b"", found[1])
    return None


def shrouded(encrypted: bytes) -> Block:
    """Make a block of an EncryptedPrivateKeyInfo (RFC 5958, section 3)."""
    return Block(ENCRYPTED, b"", encrypted)


def _plain(block: Block, secret: bytes) -> bytes | None:
    content = block.der or b""
    if format_detection.has_older_encryption(block):
        known = older_pem.is_known(older_pem.cipher_name(block.headers)) and older_pem.is_whole(block.headers, content)
        return older_pem.decrypt(block.headers, content, secret) if known else None
    try:
        algorithm, octets = asn1.read(content).children()
        plain = pbes2.decrypt(algorithm, octets.octets(), secret)
        return older_pbe.decrypt(algorithm, octets.octets(), secret) if plain is None else plain
    except (asn1.Asn1Error, ValueError):
        return None
