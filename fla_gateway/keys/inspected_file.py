"""Adapter: what a file holds whose kind no configuration names: private keys, certificates, aliases.

Owns which reader such a file gets, as its bytes demand. Refuses to judge by the rules of the channel
(`certificates.rule_report` does), and to read what the gateway cannot read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys import asn1
from fla_gateway.keys.certificates.certificate import foreign_certificates, leaves, matching
from fla_gateway.keys.files import format_detection, pem, pkcs12_structure, rsa_pss
from fla_gateway.keys.files.certificate_bundle import read_certificates
from fla_gateway.keys.files.der_label import KEY_LABELS, PKCS12
from fla_gateway.keys.files.foreign_formats import foreign
from fla_gateway.keys.files.key_file import read_file
from fla_gateway.keys.material import read_material
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

Kind = Literal["pkcs12", "key", "certificates"]
_NO_CERTIFICATE: Final = Text("name a file with a certificate, or with a private key")
_EXPLICIT: Final = "key-curve-explicit"
PASSWORD_MISSING: Final = frozenset({"password-missing", "pkcs12-checksum-password-missing"})
"""Codes of what is said of a file that needs a password where none is given."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One private key with its certificate, or a certificate alone. Only the public half of the key is in it.

    Attributes:
        alias: of the key in its PKCS#12 file; empty elsewhere.
        key: public half of the private key; None where there is only a certificate.
        certificate: that of the key; where none belongs to it, the first of the file; None without any.
        foreign: that no certificate of the file belongs to the key, or None.
        curve: that the file of the key spells its curve out, or None.
        pss: JWS algorithms that an RSASSA-PSS key is limited to; None for any other key.
    """

    alias: str
    key: PublicKeyTypes | None
    certificate: x509.Certificate | None
    foreign: Objection | None = None
    curve: Objection | None = None
    pss: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """What a file holds.

    Attributes:
        path: of the file.
        kind: whether it is a PKCS#12 file, holds a private key, or certificates alone.
        identities: what can be judged, one at least.
        aliases: of the private keys of a PKCS#12 file, in their order.
        further: certificates of authorities beside them.
        warnings: about the file: who else can read or change it.
    """

    path: Path
    kind: Kind
    identities: tuple[Identity, ...]
    aliases: tuple[str, ...] = ()
    further: tuple[x509.Certificate, ...] = ()
    warnings: tuple[Objection, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class _File:
    """A file with what is needed to read it.

    Attributes:
        path: of the file.
        content: repaired.
        blocks: of the content.
        files: reads it.
        certificate: another file, with the certificate; or None.
        password: of the key, or None.
        now: the time that decides which of several certificates counts.
    """

    path: Path
    content: bytes
    blocks: tuple[pem.Block, ...]
    files: FileSnapshot
    certificate: Path | None
    password: Secret | None
    now: datetime


def inspect_file(
    path: Path,
    now: datetime,
    *,
    certificate: Path | None = None,
    password: Secret | None = None,
    alias: str | None = None,
) -> InspectedFile:
    """Read a file of any kind that the gateway reads.

    Args:
        path: of the file.
        now: decides which of several certificates of a key counts.
        certificate: another file, with the certificate; or None.
        password: of the key.
        alias: the one key of a PKCS#12 file that is meant; None for all of them.

    Raises:
        UnusableKeyError: it cannot be read, or holds neither key nor certificate that is known here; with a cure.
    """
    files = FileSnapshot()
    file = read_file(path, files)
    content = pem.repaired(file.content)
    if (other := foreign(path, content)) is not None:
        raise UnusableKeyError(*other)
    blocks = format_detection.recognise(content)
    return _read(_File(path, content, blocks, files, certificate, password, now), alias)


def certificate_to_upload(
    path: Path,
    now: datetime,
    *,
    password: Secret | None = None,
    alias: str | None = None,
) -> x509.Certificate:
    """Give the one certificate of a file that is meant; no private key is opened where there is no choice.

    The arguments are those of `inspect_file`.

    Args:
        path: of the file.
        now: decides which of several certificates of a key counts.
        password: of the key.
        alias: the one key of a PKCS#12 file that is meant; None where it has one alone.

    Raises:
        UnusableKeyError: it cannot be read, or holds no certificate, or several that can be meant.
    """
    file = read_file(path, FileSnapshot())
    content = pem.repaired(file.content)
    if (other := foreign(path, content)) is not None:
        raise UnusableKeyError(*other)
    if all(block.label != PKCS12 for block in format_detection.recognise(content)):
        alone = leaves(read_certificates(path, file.content, _NO_CERTIFICATE))
        if len(alone) == 1:
            return alone[0]
    inspected = inspect_file(path, now, password=password, alias=alias)
    for one in inspected.identities:
        if one.foreign is not None:
            raise UnusableKeyError(*one.foreign)
    found = tuple(dict.fromkeys(it.certificate for it in inspected.identities if it.certificate is not None))
    if len(found) != 1:
        raise UnusableKeyError(*_unclear(path, len(found), inspected.aliases))
    return found[0]


def _unclear(path: Path, number: int, aliases: tuple[str, ...]) -> Objection:
    if not number:
        return Objection(
            Message("file-empty-of-certificates", "{path} holds no certificate", path=path), _NO_CERTIFICATE
        )
    message = Message(
        "certificate-unclear", "{path} holds {number} certificates, and it is unclear which one is meant", path=path,
        number=number,
    )  # fmt: skip
    if len(aliases) > 1:
        return Objection(message, Text("name one of its keys with --alias: {aliases}", aliases=", ".join(aliases)))
    return Objection(message, Text("put the one that is meant into a file of its own"))


def _read(file: _File, alias: str | None) -> InspectedFile:
    labels = [block.label for block in file.blocks]
    if PKCS12 in labels:
        return _of_pkcs12(file, file.blocks[labels.index(PKCS12)].der or file.content, alias)
    if alias is not None:
        message = Message(
            "alias-without-store", "{path} is no PKCS#12 file, so nothing in it has an alias", path=file.path
        )
        raise UnusableKeyError(message, Text("leave the alias out"))
    if KEY_LABELS.isdisjoint(labels):
        if not any(block.label.endswith(("CERTIFICATE", "PKCS7", "CMS")) for block in file.blocks):
            # A request, a public key, a key of OpenSSH: what it is, and what to do with it.
            raise UnusableKeyError(*format_detection.no_private_key(file.path, file.content, file.blocks))
        if file.certificate is not None:
            message = Message(
                "certificate-without-key",
                "{path} holds no private key, so {other} cannot be compared with one",
                path=file.path,
                other=file.certificate,
            )
            raise UnusableKeyError(message, Text("name the file with the private key first"))
        return _of_certificates(file.path, read_certificates(file.path, file.content, _NO_CERTIFICATE))
    identity, further, warnings = _identity(file, KeySource(pem=file.path, certificate=file.certificate), "")
    return InspectedFile(file.path, "key", (identity,), (), further, warnings)


def _of_pkcs12(file: _File, der: bytes, alias: str | None) -> InspectedFile:
    try:
        aliases = pkcs12_structure.look_into(der).aliases
    except (asn1.Asn1Error, IndexError):
        aliases = ()  # reading it says what is wrong
    named = tuple(dict.fromkeys(aliases)) if alias is None and len(aliases) > 1 else (alias,)
    read = [
        _identity(
            file, KeySource(pkcs12=file.path, certificate=file.certificate, alias=it), it or next(iter(aliases), "")
        )
        for it in named
    ]
    further = tuple(dict.fromkeys(it for _, others, _ in read for it in others))
    own = {it.certificate for it, _, _ in read}
    return InspectedFile(
        file.path, "pkcs12", tuple(it for it, _, _ in read), aliases,
        tuple(it for it in further if it not in own), read[0][2],
    )  # fmt: skip


def _identity(
    file: _File, source: KeySource, alias: str
) -> tuple[Identity, tuple[x509.Certificate, ...], tuple[Objection, ...]]:
    """Read a key; return it with the further certificates beside it, and warnings of its file."""
    material = read_material(source, file.files, file.password)
    key, found = material.key.public_key(), material.candidates
    own = matching(key, found, file.now)
    foreign_ones = foreign_certificates(len(found), material.place) if found and own is None else None
    shown = own or next(iter(leaves(found)), None)
    pss = material.pss
    if pss is None and own is not None:
        pss = rsa_pss.of_certificate(own)
    further = tuple(it for it in found if it != shown)
    curve = next((it for it in material.warnings if it.message.code == _EXPLICIT), None)
    identity = Identity(alias, key, shown, foreign_ones, curve, pss)
    return identity, further, tuple(it for it in material.warnings if it is not curve)


def _of_certificates(path: Path, found: tuple[x509.Certificate, ...]) -> InspectedFile:
    alone = leaves(found) or found
    identities = tuple(_alone(found))
    return InspectedFile(path, "certificates", identities, further=tuple(it for it in found if it not in alone))


def _alone(found: tuple[x509.Certificate, ...]) -> Iterator[Identity]:
    for one in leaves(found) or found:
        yield Identity("", None, one, pss=rsa_pss.of_certificate(one))
