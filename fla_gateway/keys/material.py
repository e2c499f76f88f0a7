"""What the files of a key source hold: the private key, the certificates beside it, and warnings about the files.

Owns which reader a file gets. Refuses to judge by the rules of the channel; `load` does.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.encryption.password_encodings import further_octets, spellings
from fla_gateway.keys.files import format_detection, pem, rsa_pss
from fla_gateway.keys.files.certificate_bundle import certificates_among, read_certificates
from fla_gateway.keys.files.decrypted import decrypted
from fla_gateway.keys.files.der_label import KEY_LABELS, PKCS12
from fla_gateway.keys.files.file_permissions import exposure
from fla_gateway.keys.files.foreign_formats import foreign
from fla_gateway.keys.files.key_file import KeyFile, read_file
from fla_gateway.keys.files.pkcs12 import open_pkcs12
from fla_gateway.keys.files.private_key import hidden_kind, open_private_key
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

# The library warns of BER, of serial numbers below one and of old key exchanges on standard error, among our log lines.
# What an operator can do about such a file, our own sentences say.
warnings.filterwarnings("ignore", category=UserWarning, module=r"fla_gateway\.keys\b")

_WRITE_PEM: Final = Text("write pem = instead of pkcs12 =")


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """What a key source holds.

    Attributes:
        key: the private key.
        candidates: certificates, of which one should belong to the key.
        place: the file that the candidates come from.
        warnings: about the files.
        pss: JWS algorithms that the file of the key limits it to; None if it says nothing of the kind.
    """

    key: PrivateKeyTypes
    candidates: tuple[x509.Certificate, ...]
    place: Path
    warnings: tuple[Objection, ...]
    pss: tuple[str, ...] | None = None


def read_material(
    source: KeySource, files: FileSnapshot, password: Secret | None, *, validate: bool = True
) -> Material:
    """Read what a key source names.

    Args:
        source: where it is.
        files: reads it, or has done so.
        password: of the key.
        validate: whether an RSA key is validated in full.

    Raises:
        UnusableKeyError: it cannot be read, or holds no private key or more than one that can be meant.
    """
    alone = source.certificate is None
    if source.pkcs12 is not None and source.pem is None:
        material = _read_pkcs12(read_file(source.pkcs12, files), password, source.alias, validate=validate, alone=alone)
    elif source.pem is not None and source.pkcs12 is None:
        material = _read_pem(read_file(source.pem, files), password, validate=validate, alone=alone)
    else:
        message = Message("key-neither-pem-nor-pkcs12", "a key is either pem or pkcs12")
        raise UnusableKeyError(message, Text("give exactly one of the two"))
    if source.certificate is None:
        return material
    file = read_file(source.certificate, files)
    candidates = read_certificates(file.path, file.content, Text("name the .cer file that was uploaded in ChaMan"))
    return Material(material.key, candidates, file.path, material.warnings, material.pss)


def _read_pkcs12(file: KeyFile, password: Secret | None, alias: str | None, *, validate: bool, alone: bool) -> Material:
    content = pem.repaired(file.content)
    _refuse(foreign(file.path, content))
    blocks = format_detection.recognise(content)
    stores = [block for block in blocks if block.label == PKCS12]
    if not stores:
        raise UnusableKeyError(*_no_store(file.path, content, blocks))
    opened = open_pkcs12(file.path, stores[0].der or content, password, alias, validate=validate)
    secrets = (b"",) if password is None else further_octets(password.reveal())
    needed = alone and not opened.certificates
    pss = _pss_of_file(file.path, opened.key, opened.block, secrets, needed=needed)
    warnings = (*exposure(file.path, file.custody), *opened.warnings)
    return Material(opened.key, opened.certificates, file.path, warnings, pss)


def _no_store(path: Path, content: bytes, blocks: tuple[pem.Block, ...]) -> Objection:
    if KEY_LABELS.isdisjoint(block.label for block in blocks):
        # In the place of PEM it would be refused as well.
        return format_detection.no_private_key(path, content, blocks)
    if pem.blocks(content):
        message = Message("pem-in-place-of-pkcs12", "{path} is a PEM file, not PKCS#12", path=path)
        return Objection(message, _WRITE_PEM)
    label = blocks[0].label
    message = Message("not-pkcs12", "{path} is no PKCS#12 file, but: {label}", path=path, label=label)
    return Objection(message, _WRITE_PEM)


def _read_pem(file: KeyFile, password: Secret | None, *, validate: bool, alone: bool) -> Material:
    content = pem.repaired(file.content)
    _refuse(foreign(file.path, content))
    blocks = format_detection.recognise(content)
    # The same block twice, as joined files have it, is one key.
    keys = list({(block.der, block.headers): block for block in blocks if block.label in KEY_LABELS}.values())
    if len(keys) > 1:
        message = Message(
            "pem-many-keys",
            "{path} holds {number} private keys, and it is unclear which one counts",
            path=file.path,
            number=len(keys),
        )
        raise UnusableKeyError(message, Text("leave only the key in the file that is registered in ChaMan"))
    if not keys:
        raise UnusableKeyError(*format_detection.no_private_key(file.path, content, blocks))
    key, warnings = open_private_key(file.path, keys[0], password, validate=validate)
    found = certificates_among(file.path, blocks)
    secrets = () if password is None else spellings(password.reveal())
    pss = _pss_of_file(file.path, key, keys[0], secrets, needed=alone and not found)
    return Material(key, found, file.path, (*exposure(file.path, file.custody), *warnings), pss)


def _pss_of_file(
    path: Path, key: PrivateKeyTypes, block: pem.Block, secrets: tuple[bytes, ...], *, needed: bool
) -> tuple[str, ...] | None:
    """Find in the file of a key whether it is an RSASSA-PSS key; see `rsa_pss.of_private_key`.

    Args:
        path: name of the file, for messages.
        key: as it was loaded.
        block: the same private key as it is in the file.
        secrets: spellings of its password.
        needed: whether an encrypted key is decrypted once more for that, since no certificate says it.

    Raises:
        UnusableKeyError: it is needed, and cannot be found: such a key must not sign RS256.
    """
    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    plain: pem.Block | None = block
    if format_detection.is_encrypted(block):
        if not needed:
            return None
        plain = decrypted(block, secrets)
    if plain is None:
        raise UnusableKeyError(*hidden_kind(path))
    return rsa_pss.of_private_key(plain.der or b"")


def _refuse(objection: Objection | None) -> None:
    if objection is not None:
        raise UnusableKeyError(*objection)
