"""Recognising what a file is before it is opened: PEM blocks, DER by its structure, and stores of other programs.

Owns the names of formats and what to say of those that cannot be used. Refuses to decrypt anything: everything here is
a pure function over bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys import asn1
from fla_gateway.keys.files import pem
from fla_gateway.keys.files.der_label import ENCRYPTED, PKCS12, der_blocks, relabelled
from fla_gateway.keys.files.foreign_formats import openpgp
from fla_gateway.keys.files.pem import Block
from fla_gateway.keys.model import Objection

COPY_WHOLE: Final = Text("copy the whole file again")
_KEY_IN_PKCS8: Final = 2
_MULTI_PRIME_FIELDS: Final = 10
"""RFC 8017, appendix A.1.2: version, eight numbers, and otherPrimeInfos, which only version 1 has."""
_EXPORT: Final = Text("export it again as a .pfx file with its private key, or as PEM")
_NO_KEY: Final[dict[str, Callable[[Path], Objection]]] = {
    "CERTIFICATE REQUEST": lambda path: Objection(
        Message("certificate-request", "{path} is a certificate request, without a private key", path=path),
        Text("name the file with the private key that was made together with it"),
    ),
    "PUBLIC KEY": lambda path: Objection(
        Message("public-key-only", "{path} is a public key only", path=path),
        Text("name the file with the private key; it is where the pair was made"),
    ),
    "CERTIFICATE": lambda path: Objection(
        Message("certificate-only", "{path} is a certificate only, without a private key", path=path),
        Text("name the file with the private key in pem, and this one in certificate"),
    ),
    "PKCS7": lambda path: Objection(
        Message("pkcs7-only", "{path} is a PKCS#7 bundle, which holds certificates but no private key", path=path),
        Text("name the file with the private key; from Windows, export as .pfx with the private key"),
    ),
    "OPENSSH PRIVATE KEY": lambda path: Objection(
        Message("key-of-openssh", "{path} is a key in the format of OpenSSH", path=path),
        Text("rewrite a copy: cp FILE key.pem && ssh-keygen -p -m PKCS8 -f key.pem; then name key.pem in pem"),
    ),
    "PGP PRIVATE KEY BLOCK": openpgp,
    "TSS2 PRIVATE KEY": lambda path: Objection(
        Message("key-of-tpm", "{path} is a key that only one TPM can use", path=path),
        Text("make a new key and certificate and upload the certificate in ChaMan"),
    ),
}
_ALIASES: Final = {
    "NEW CERTIFICATE REQUEST": "CERTIFICATE REQUEST",
    "RSA PUBLIC KEY": "PUBLIC KEY",
    "X509 CERTIFICATE": "CERTIFICATE",
    "TRUSTED CERTIFICATE": "CERTIFICATE",
    "CMS": "PKCS7",
    "PGP PUBLIC KEY BLOCK": "PGP PRIVATE KEY BLOCK",
}


_SSH_PUBLIC_KEYS: Final = (b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"---- BEGIN SSH2 PUBLIC KEY")


def recognise(content: bytes) -> tuple[Block, ...]:
    """Split a repaired file into blocks, each with the label that its content deserves, whatever it is called.

    Returns:
        No block at all if the file is neither text with boundaries nor DER of a known structure.
    """
    found = pem.blocks(content)
    return tuple(relabelled(block) for block in found) if found else der_blocks(content)


def cut_off(path: Path) -> Objection:
    """Say that a block of a file begins and does not end."""
    message = Message("key-file-cut-off", "{path} is cut off: a block in it begins and does not end", path=path)
    return Objection(message, COPY_WHOLE)


def no_private_key(path: Path, content: bytes, found: tuple[Block, ...]) -> Objection:
    """Say what a file is that holds no private key.

    Args:
        path: of the file.
        content: of it.
        found: its blocks, none of which is a key.
    """
    if pem.is_cut_off(content):
        return cut_off(path)
    labels = [_ALIASES.get(block.label, block.label) for block in found]
    for label, objection in _NO_KEY.items():
        if label in labels:
            return objection(path)
    if PKCS12 in labels:
        message = Message("pkcs12-in-place-of-pem", "{path} is a PKCS#12 file, not PEM", path=path)
        return Objection(message, Text("write pkcs12 = instead of pem ="))
    if labels:
        others = ", ".join(sorted(set(labels)))
        message = Message("file-without-key", "{path} holds no private key, but: {others}", path=path, others=others)
        return Objection(message, _EXPORT)
    if content.startswith(bytes((asn1.SEQUENCE,))):
        message = Message(
            "binary-file-unknown", "{path} is damaged or cut off, or of an unknown binary format", path=path
        )
        return Objection(message, Text("copy the file again"))
    if content.lstrip().startswith(_SSH_PUBLIC_KEYS):
        return _NO_KEY["PUBLIC KEY"](path)
    return Objection(Message("key-file-unknown", "{path} is no key file that is known here", path=path), _EXPORT)


def is_encrypted(block: Block) -> bool:
    """Whether the block holds a private key under a password (PKCS#8, or the older form of RFC 1421)."""
    return block.label == ENCRYPTED or has_older_encryption(block)


def has_older_encryption(block: Block) -> bool:
    """Whether the content is encrypted as a whole, with the cipher in a header (RFC 1421)."""
    return b"ENCRYPTED" in block.headers


def has_many_primes(block: Block) -> bool:
    """Whether an RSA key that is not encrypted says that it has more than two primes (RFC 8017, appendix A.1.2)."""
    try:
        root = asn1.read(block.der or b"").children()
        if block.label == "PRIVATE KEY" and len(root) > _KEY_IN_PKCS8:
            root = asn1.read(root[_KEY_IN_PKCS8].octets()).children()
        return len(root) == _MULTI_PRIME_FIELDS and root[0].content == b"\x01"
    except (asn1.Asn1Error, IndexError):
        return False


def has_explicit_curve(block: Block) -> bool:
    """Whether an EC key that is not encrypted spells its curve out instead of naming it (RFC 5480 forbids that)."""
    try:
        root = asn1.read(block.der or b"").children()
        if block.label == "PRIVATE KEY" and len(root) > 1:
            return explicit_parameters(root[1])
        parameters = [element for element in root if element.tag == asn1.CONTEXT_0]
        return block.label == "EC PRIVATE KEY" and any(
            child.tag == asn1.SEQUENCE for element in parameters for child in element.children()
        )
    except asn1.Asn1Error:
        return False


def explicit_parameters(algorithm: asn1.Element) -> bool:
    """Whether an AlgorithmIdentifier of an EC key has ECParameters spelled out (RFC 5480, section 2.1.1).

    Raises:
        asn1.Asn1Error: the content is damaged.
    """
    id_ec_public_key = bytes.fromhex("2a8648ce3d0201")
    parts = algorithm.children()
    return len(parts) > 1 and parts[0].content == id_ec_public_key and parts[1].tag == asn1.SEQUENCE
