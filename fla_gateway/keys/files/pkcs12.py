"""Opening PKCS#12 files, modern and legacy ones, with exactly one private key.

Owns the demand for one key, which `cryptography` does not make (it drops the second in silence), and the distinction
between a wrong password and a damaged file. Refuses to know the rules of the channel and which certificate
belongs to the key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.asn1 import Asn1Error
from fla_gateway.keys.encryption import schemes
from fla_gateway.keys.encryption.legacy_ciphers import lacks_legacy_cipher
from fla_gateway.keys.encryption.password_encodings import as_text, further_octets, spellings
from fla_gateway.keys.files import pkcs12_structure
from fla_gateway.keys.files.decrypted import decrypted, shrouded
from fla_gateway.keys.files.der_label import PRIVATE_KEY
from fla_gateway.keys.files.pem import Block
from fla_gateway.keys.files.private_key import (
    ADD_PASSWORD,
    FILL_PASSWORD,
    MODERN_EXPORT,
    damaged,
    inconsistent,
    is_consistent,
    is_valid,
    legacy,
    not_read,
    password_missing,
    password_unused,
    password_wrong,
    why_not_loaded,
)
from fla_gateway.keys.model import Objection
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.secret import Secret

_ONE_KEY: Final = Text("name the one that is registered in ChaMan with alias, or export it into a file of its own")
_ONE_KEY_ALONE: Final = Text("export the one key that is registered in ChaMan into a file of its own")

Loaded = tuple[PrivateKeyTypes | None, tuple[x509.Certificate, ...]]
Opened = tuple[PrivateKeyTypes, tuple[x509.Certificate, ...]]


@dataclass(frozen=True, slots=True, repr=False)
class OpenedStore:
    """What a PKCS#12 file holds.

    Attributes:
        key: the private key.
        certificates: all of them.
        block: the private key as it is in the file.
        warnings: about the file.
    """

    key: PrivateKeyTypes
    certificates: tuple[x509.Certificate, ...]
    block: Block
    warnings: tuple[Objection, ...] = ()


def open_pkcs12(
    path: Path, der: bytes, password: Secret | None, alias: str | None = None, *, validate: bool = True
) -> OpenedStore:
    """Open a PKCS#12 file.

    Args:
        path: name of the file, for messages.
        der: its bytes (BER is accepted).
        password: as configured; None and empty are tried alike.
        alias: which key is meant, or None if it is the only one.
        validate: as for `open_private_key`.

    Raises:
        UnusableKeyError: it cannot be opened, or holds no private key or more than one that can be meant.
    """
    contents = _look_into(path, der, alias)
    _refuse_unclear(path, der, contents, alias)
    key, certificates = _open(path, der, contents, password, validate=validate)
    plain = Block(PRIVATE_KEY, b"", contents.plain[0]) if contents.plain else None
    idle = password is not None and password.reveal() and _needs_no_password(der, contents)
    warnings = (password_unused(path),) if idle else ()
    return OpenedStore(key, certificates, plain or shrouded(contents.shrouded[0]), warnings)


def _refuse_unclear(path: Path, der: bytes, contents: pkcs12_structure.Contents, alias: str | None) -> None:
    """Refuse a file before it is opened: for its ciphers, or since not exactly one of its keys can be meant."""
    if lacks_legacy_cipher(der):
        raise UnusableKeyError(*legacy(path))
    if contents.keys > 1:
        message = Message(
            "pkcs12-many-keys",
            "{path} holds {number} private keys; which one counts is unclear. Their aliases: {aliases}",
            path=path,
            number=contents.keys,
            aliases=", ".join(contents.aliases),
        )
        raise UnusableKeyError(message, _ONE_KEY)
    if alias is not None and not contents.keys:
        message = Message(
            "pkcs12-alias-unknown",
            "{path} holds no private key with this alias; there are: {aliases}",
            path=path,
            aliases=", ".join(contents.aliases) or Text("none that can be seen"),
        )
        raise UnusableKeyError(message, Text("write one of them in alias"))


def _open(
    path: Path, der: bytes, contents: pkcs12_structure.Contents, password: Secret | None, *, validate: bool
) -> Opened:
    several = contents.keys < len(contents.aliases)
    tried = spellings(password.reveal()) if password is not None else (b"",)
    if _needs_no_password(der, contents):
        tried = (b"",)
    for secret in tried:
        opened = _opened(path, der, contents, secret, validate=validate, several=several)
        if opened is not None:
            return opened
    if password is not None and any(_has_mac_of(der, secret) for secret in tried):
        for octets in further_octets(password.reveal()):
            opened = _open_with_octets(contents, octets)
            if opened is not None:
                return opened
    raise UnusableKeyError(*_why_closed(path, der, contents, password, tried))


def _opened(
    path: Path, der: bytes, contents: pkcs12_structure.Contents, secret: bytes, *, validate: bool, several: bool
) -> Opened | None:
    """Open a file with one spelling of its password; None if that does not open it.

    Raises:
        UnusableKeyError: it opens it, and there is not exactly one sound private key to be seen.
    """
    in_parts = None if validate or several else _open_in_parts(der, contents, secret)
    quickly = _open_chosen(contents, secret) if several else in_parts
    if quickly is not None:
        if not is_consistent(quickly[0]) or (validate and not is_valid(quickly[0])):
            raise UnusableKeyError(*inconsistent(path))
        return quickly
    if several:
        return None  # opened as a whole, the file would give another of its keys
    loaded = _load(der, secret)
    if loaded is None:
        return None
    if any(_hides_a_key(part, secret) for part in contents.sealed):
        message = Message(
            "pkcs12-key-hidden",
            "{path} keeps {key} inside an encrypted part of the file, where keys cannot be counted",
            path=path,
            key=Text("a further private key") if contents.keys else Text("its private key"),
        )
        raise UnusableKeyError(message, _ONE_KEY_ALONE)
    key, certificates = loaded
    if key is None:
        message = Message("pkcs12-without-key", "{path} holds no private key", path=path)
        raise UnusableKeyError(message, Text("export it again, with the private key"))
    return key, certificates


def _open_in_parts(der: bytes, contents: pkcs12_structure.Contents, secret: bytes) -> Opened | None:
    """Open an ordinary file part by part, which is the only way to skip the validation of an RSA key.

    Returns:
        The key and the certificates; or None if anything about the file is out of the ordinary, its MAC does not fit
        the password included. Opening it as a whole then finds the reason.
    """
    if len(contents.shrouded) != 1 or not secret:
        return None
    try:
        if not pkcs12_structure.has_mac_of(der, as_text(secret)):
            return None
        key = load_der_private_key(contents.shrouded[0], secret, unsafe_skip_rsa_key_validation=True)
    except (Asn1Error, ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        return None
    return _with_certificates(key, contents, secret)


def _open_chosen(contents: pkcs12_structure.Contents, secret: bytes) -> Opened | None:
    """Open the one key that an alias has left of several; as a whole, the file would give another of them.

    That the password fits is proven by the key, since a MAC may be of a kind that is not known here.
    """
    try:
        if contents.plain:
            key = load_der_private_key(contents.plain[0], None, unsafe_skip_rsa_key_validation=True)
        else:
            key = load_der_private_key(contents.shrouded[0], secret, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        return None
    return _with_certificates(key, contents, secret)


def _with_certificates(key: PrivateKeyTypes, contents: pkcs12_structure.Contents, secret: bytes) -> Opened | None:
    """Add the certificates of a file to its key; None if a part cannot be opened, or hides a further key."""
    certificates: list[x509.Certificate] = []
    for part in (*contents.sealed, *((contents.keyless,) if contents.keyless else ())):
        loaded = _load(pkcs12_structure.without_mac(part), secret)
        if loaded is None or loaded[0] is not None:
            return None
        certificates += loaded[1]
    return key, tuple(certificates)


def _open_with_octets(contents: pkcs12_structure.Contents, octets: bytes) -> Opened | None:
    """Open a file whose MAC fits the password, part by part, with octets that `cryptography` takes for no password."""
    key = _unlocked(contents.shrouded[0], octets) if len(contents.shrouded) == 1 else None
    if key is None or not (is_consistent(key) and is_valid(key)):
        return None
    certificates: list[x509.Certificate] = []
    try:
        parts = [pkcs12_structure.unsealed(part, octets) for part in contents.sealed]
    except Asn1Error:
        return None
    for part in (*parts, *((contents.keyless,) if contents.keyless else ())):
        loaded = None if part is None else _load(pkcs12_structure.without_mac(part), b"")
        if loaded is None or loaded[0] is not None:
            return None
        certificates += loaded[1]
    return key, tuple(certificates)


def _look_into(path: Path, der: bytes, alias: str | None) -> pkcs12_structure.Contents:
    try:
        return pkcs12_structure.look_into(der, alias)
    except (Asn1Error, IndexError):
        raise UnusableKeyError(*(_unsupported(path, der) or damaged(path))) from None


def _load(der: bytes, password: bytes) -> Loaded | None:
    """Let `cryptography` open the file; None if it cannot, whatever its reason."""
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(der, password)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None
    return key, (*((certificate,) if certificate is not None else ()), *others)


def _hides_a_key(sealed: bytes, password: bytes) -> bool:
    """Whether an encrypted part of a file holds a private key.

    The part is put into a file of its own and opened: what `cryptography` then finds can have come from nowhere else. A
    part that cannot be opened so is taken for one that hides something.
    """
    plain, with_mac = pkcs12_structure.alone(sealed)
    loaded = _load(plain, password) or (None if password else _load(with_mac, password))
    return loaded is None or loaded[0] is not None


def _why_closed(
    path: Path, der: bytes, contents: pkcs12_structure.Contents, password: Secret | None, tried: tuple[bytes, ...]
) -> Objection:
    """Find out why a file does not open: its checksum alone cannot distinguish a wrong password from a changed file."""
    if (named := _unsupported(path, der)) is not None:
        return named
    if not any(tried):
        return _why_closed_without_password(path, der, contents, password)
    for key in contents.shrouded:
        plain = decrypted(shrouded(key), tried)
        if plain is not None and (reason := why_not_loaded(path, plain)) is not None:
            return reason
    unlocked = [_unlocked(key, secret) for key in contents.shrouded for secret in tried]
    if any(key is not None and not (is_consistent(key) and is_valid(key)) for key in unlocked):
        return inconsistent(path)
    opens = any(key is not None for key in unlocked)
    if any(_has_mac_of(der, secret) for secret in tried):
        # Nothing was changed since the checksum was made.
        return _why_closed_although_whole(path, opens=opens)
    if opens:
        return Objection(
            Message(
                "pkcs12-damaged",
                "the password for {path} is right, but the file is damaged or protected in an unknown way",
                path=path,
            ),
            Text("copy the file again, as binary; if that does not help, {export}", export=MODERN_EXPORT),
        )
    return damaged(path) if _is_open(der, contents) else password_wrong(path)


def _why_closed_although_whole(path: Path, *, opens: bool) -> Objection:
    if opens:
        message = Message(
            "pkcs12-certificate-malformed",
            "{path} holds a certificate that is written in a way that is not read here, such as an encoding that X.509 "
            "forbids",
            path=path,
        )
        return Objection(message, Text("have it issued again, and export key and certificate anew"))
    message = Message(
        "pkcs12-key-password-differs",
        "the password for {path} opens the file, but not the private key in it, which has a password of its own",
        path=path,
    )
    cure = Text("make the file again with one password for both, in the program that made it")
    return Objection(message, cure)


def _why_closed_without_password(
    path: Path, der: bytes, contents: pkcs12_structure.Contents, password: Secret | None
) -> Objection:
    if contents.shrouded or contents.sealed:
        return password_missing(path, password)
    if _is_open(der, contents) or _has_mac_of(der, b""):
        return damaged(path)
    if password is not None:
        empty = Message(
            "pkcs12-checksum-password-empty",
            "{path} is not encrypted, but its checksum needs the password that it was made with, and the one that is "
            "configured is empty",
            path=path,
        )
        return Objection(empty, FILL_PASSWORD)
    message = Message(
        "pkcs12-checksum-password-missing",
        "{path} is not encrypted, but its checksum needs the password that it was made with, and none is configured",
        path=path,
    )
    return Objection(message, ADD_PASSWORD)


def _is_open(der: bytes, contents: pkcs12_structure.Contents) -> bool:
    """Whether no password has to do with the file."""
    return not (contents.shrouded or contents.sealed or pkcs12_structure.has_mac(der))


def _needs_no_password(der: bytes, contents: pkcs12_structure.Contents) -> bool:
    """Whether nothing in the file is encrypted, and its checksum, if there is one, that of the empty password."""
    return _is_open(der, contents) or (not (contents.shrouded or contents.sealed) and _has_mac_of(der, b""))


def _has_mac_of(der: bytes, secret: bytes) -> bool:
    try:
        return pkcs12_structure.has_mac_of(der, as_text(secret))
    except (Asn1Error, IndexError):
        return False


def _unsupported(path: Path, der: bytes) -> Objection | None:
    try:
        name = schemes.unsupported(pkcs12_structure.algorithms(der))
    except (Asn1Error, IndexError):
        return None
    return None if name is None else not_read(path, name)


def _unlocked(key: bytes, password: bytes) -> PrivateKeyTypes | None:
    try:
        return load_der_private_key(key, password, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
