"""Opening one bare private key: PKCS#1, PKCS#8 or SEC1, as PEM or DER, encrypted or not.

Owns the distinction of a wrong password, a damaged file and an unknown kind of key. Refuses to know the rules of the
channel and PKCS#12. Foreign exceptions end here and none becomes the context of ours, since some quote their input.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys import asn1
from fla_gateway.keys.encryption import older_pem, schemes
from fla_gateway.keys.encryption.legacy_ciphers import lacks_legacy_cipher
from fla_gateway.keys.encryption.password_encodings import spellings
from fla_gateway.keys.files import format_detection, pkcs12_structure
from fla_gateway.keys.files.decrypted import decrypted
from fla_gateway.keys.files.pem import Block
from fla_gateway.keys.model import Objection
from fla_gateway.secret import Secret

Failure = Literal["unreadable", "unsupported", "inconsistent"]

EXPLICIT_CURVE_CURE: Final = Text("make a new key on the named curve P-384 or P-521")
ADD_PASSWORD: Final = Text("add password_file or password_env to the key")
FILL_PASSWORD: Final = Text("put the password into the file of password_file, or the variable of password_env")
_SMALLEST_FACTOR: Final = 3
MODERN_EXPORT: Final = Text("export it again with AES encryption, which every current tool does by default")
_COPY: Final = Text("copy the file again, as binary, from where it was made")


def open_private_key(
    path: Path, block: Block, password: Secret | None, *, validate: bool = True
) -> tuple[PrivateKeyTypes, tuple[Objection, ...]]:
    """Open the private key of one block.

    Args:
        path: name of the file, for messages.
        block: with a label of `der_label.KEY_LABELS`.
        password: as configured; an empty one counts as none.
        validate: whether an RSA key is validated in full, which takes 28 ms for 2048 bits and 196 ms for 4096;
            otherwise `is_consistent` has to do.

    Returns:
        The key, and warnings.

    Raises:
        UnusableKeyError: it cannot be opened.
    """
    given = password.reveal() if password is not None else ""
    encrypted = format_detection.is_encrypted(block)
    if (objection := _objection_before_opening(path, block, encrypted=encrypted)) is not None:
        raise UnusableKeyError(*objection)
    secrets = spellings(given) if encrypted else ()
    key = _opened(block, secrets, validate=validate) if encrypted else _load(block, None, validate=validate)
    if isinstance(key, str):
        missing = password_missing(path, password) if encrypted and not given else None
        raise UnusableKeyError(*(missing or _objection_after_opening(path, block, secrets, key)))
    explicit = explicit_curve(path) if format_detection.has_explicit_curve(block) else None
    found = (password_unused(path) if given and not encrypted else None, explicit)
    return key, tuple(objection for objection in found if objection is not None)


def why_not_loaded(path: Path, plain: Block) -> Objection | None:
    """Say why an unencrypted key is not loaded, where more is to be said of it than that it is damaged."""
    if format_detection.has_explicit_curve(plain):
        return explicit_curve(path)
    if format_detection.has_many_primes(plain):
        return multi_prime(path)
    failure = _load(plain, None, validate=False)
    if failure == "unsupported":
        message = Message("key-kind-unknown", "the key in {path} is of a kind that is not known here", path=path)
        return Objection(message, Text("make an RSA key of 2048 bits or more"))
    return inconsistent(path) if failure == "inconsistent" else None


def explicit_curve(path: Path) -> Objection:
    """Say that a key has the numbers of its curve where a name belongs."""
    message = Message(
        "key-curve-explicit",
        "the key in {path} spells its elliptic curve out instead of naming it",
        path=path,
    )
    return Objection(message, EXPLICIT_CURVE_CURE)


def password_missing(path: Path, password: Secret | None) -> Objection:
    """Say that a file needs a password and has none, or an empty one."""
    if password is not None:
        empty = Message(
            "password-empty", "{path} is protected by a password, and the one that is configured is empty", path=path
        )
        return Objection(empty, FILL_PASSWORD)
    message = Message("password-missing", "{path} is protected by a password, and none is configured", path=path)
    return Objection(message, ADD_PASSWORD)


def password_unused(path: Path) -> Objection:
    """Say that a password has nothing to open."""
    idle = Message("password-unused", "a password is configured, but the key in {path} is not encrypted", path=path)
    return Objection(idle, Text("encrypt it or drop it"))


def password_wrong(path: Path) -> Objection:
    """Say that a password does not fit."""
    return Objection(
        Message("password-wrong", "the password for {path} is wrong", path=path),
        Text("check the password file for spaces, quotes or further lines; only one line break at its end is dropped"),
    )


def damaged(path: Path) -> Objection:
    """Say that a file is of a known kind, but damaged."""
    return Objection(Message("key-file-damaged", "{path} is damaged or cut off", path=path), _COPY)


def inconsistent(path: Path) -> Objection:
    """Say that a private key was read and is none: its numbers, or what it signs, are wrong."""
    message = Message(
        "key-inconsistent", "the private key in {path} is damaged: its numbers do not fit together", path=path
    )
    return Objection(message, _COPY)


def is_consistent(key: PrivateKeyTypes) -> bool:
    """Whether the numbers of an RSA key fit together (RFC 8017, section 3.2); True for other keys.

    Everything that a full validation looks at, except whether the two factors are prime, for 30 microseconds.
    """
    if not isinstance(key, rsa.RSAPrivateKey):
        return True
    numbers = key.private_numbers()
    p, q, d, e = numbers.p, numbers.q, numbers.d, numbers.public_numbers.e
    if min(p, q) < _SMALLEST_FACTOR or p * q != numbers.public_numbers.n:
        return False
    inverses = d * e % (p - 1) == d * e % (q - 1) == numbers.iqmp * q % p == 1
    return inverses and numbers.dmp1 == d % (p - 1) and numbers.dmq1 == d % (q - 1)


def is_valid(key: PrivateKeyTypes) -> bool:
    """Whether an RSA key that was loaded without the full validation passes it; True for other keys."""
    if not isinstance(key, rsa.RSAPrivateKey):
        return True
    try:
        key.private_numbers().private_key()
    except ValueError:
        return False
    return True


def legacy(path: Path) -> Objection:
    """Say that a file needs ciphers that this machine's OpenSSL was built without."""
    message = Message(
        "cipher-not-offered",
        "{path} is encrypted with RC2, which this machine's OpenSSL does not offer",
        path=path,
    )
    return Objection(message, MODERN_EXPORT)


def not_read(path: Path, algorithm: str) -> Objection:
    """Say that a file is protected with something that is not read here, whatever its password."""
    return Objection(
        Message(
            "cipher-unsupported",
            "{path} is protected with {algorithm}, which is not supported here",
            path=path,
            algorithm=algorithm,
        ),
        Text(
            "{export}; a key in PEM with: openssl pkey -in {path} -out key.pem -aes256 -provider default "
            "-provider legacy",
            export=MODERN_EXPORT,
            path=shlex.quote(str(path)),
        ),
    )


def hidden_kind(path: Path) -> Objection:
    """Object to an RSA key under a cipher that hides whether it is an RSASSA-PSS key, where no certificate shows it."""
    return Objection(
        Message(
            "key-kind-hidden",
            "{path} is encrypted in a way that hides whether its RSA key is an RSASSA-PSS key, and it has no "
            "certificate",
            path=path,
        ),
        Text(
            "name the .cer file that was uploaded in ChaMan in certificate, or encrypt the key again: openssl pkey "
            "-in {path} -out key.pem -aes256 -provider default -provider legacy",
            path=shlex.quote(str(path)),
        ),
    )


def multi_prime(path: Path) -> Objection:
    """Say that a key has more than two primes, which hardly any library signs with."""
    message = Message(
        "key-with-many-primes",
        "the key in {path} is RSA with more than two primes, which is not supported here",
        path=path,
    )
    return Objection(message, Text("make a new key and certificate and upload the certificate in ChaMan"))


def _objection_before_opening(path: Path, block: Block, *, encrypted: bool) -> Objection | None:
    try:
        if block.cut_off:
            return format_detection.cut_off(path)
        if block.der is None:
            return damaged(path)
        if lacks_legacy_cipher(block.der):
            return legacy(path)
        if encrypted and not _is_whole(block):
            return damaged(path)
    except asn1.Asn1Error:
        return damaged(path)
    return None


def _is_whole(block: Block) -> bool:
    """Whether an encrypted key has the length that it must have.

    The newer form keeps its outer structure readable; of the older one only the length can be seen.

    Raises:
        asn1.Asn1Error: it has not.
    """
    if format_detection.has_older_encryption(block):
        return older_pem.is_whole(block.headers, block.der or b"")
    return bool(asn1.read(block.der or b"").children())


def _objection_after_opening(path: Path, block: Block, secrets: tuple[bytes, ...], failure: Failure) -> Objection:
    if failure == "inconsistent":
        return inconsistent(path)
    if secrets and (name := _unsupported_cipher(block)) is not None:
        return not_read(path, name)
    plain = decrypted(block, secrets) if secrets else block
    if plain is None and failure == "unreadable":
        return password_wrong(path)
    return why_not_loaded(path, plain or block) or damaged(path)


def _unsupported_cipher(block: Block) -> str | None:
    if format_detection.has_older_encryption(block):
        name = older_pem.cipher_name(block.headers)
        return None if older_pem.is_known(name) else name
    try:
        return schemes.unsupported((schemes.key_algorithm(block.der or b""),))
    except asn1.Asn1Error:
        return None


def _opened(block: Block, secrets: tuple[bytes, ...], *, validate: bool) -> PrivateKeyTypes | Failure:
    """Open an encrypted key with the first spelling of its password that does."""
    key: PrivateKeyTypes | Failure = "unreadable"
    for secret in secrets:
        key = _decrypted(block, secret, validate=validate)
        if key != "unreadable":
            break
    return key


def _decrypted(block: Block, secret: bytes, *, validate: bool) -> PrivateKeyTypes | Failure:
    if format_detection.has_older_encryption(block):
        return _load_older(block, secret, validate=validate)
    key = _load(block, secret, validate=validate)
    if key != "unreadable":
        return key
    # OpenSSL knows ciphers that the library does not, and only opens files of PKCS#12 for it.
    for file in pkcs12_structure.with_key(block.der or b"")[: 1 if secret else 2]:
        try:
            found = pkcs12.load_key_and_certificates(file, secret)[0]
        except UnsupportedAlgorithm:
            return "unsupported"
        except (ValueError, TypeError):
            continue
        if found is not None:
            return found
    return "unreadable"


def _load_older(block: Block, secret: bytes, *, validate: bool) -> PrivateKeyTypes | Failure:
    plain = decrypted(block, (secret,))
    return "unreadable" if plain is None else _load(plain, None, validate=validate)


def _load(block: Block, secret: bytes | None, *, validate: bool) -> PrivateKeyTypes | Failure:
    try:
        key = load_pem_private_key(block.text(), secret, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        return "unsupported"
    except (ValueError, TypeError):
        return "unreadable"
    if not is_consistent(key) or (validate and not is_valid(key)):
        return "inconsistent"
    return key
