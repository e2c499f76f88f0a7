"""From a key's place in the configuration to a key that can sign.

Owns the order: password, file, key, certificate, rules, warnings. Refuses to know formats and rules in detail; reading
is done in `files.key_file`, so that everything else stays pure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificates import channel_rules
from fla_gateway.keys.certificates.certificate import facts as certificate_facts
from fla_gateway.keys.certificates.certificate import foreign_certificates, matching
from fla_gateway.keys.files import rsa_pss
from fla_gateway.keys.files.key_file import read_password
from fla_gateway.keys.files.private_key import inconsistent
from fla_gateway.keys.material import Material, read_material
from fla_gateway.keys.model import CertificateFacts, LoadedKey, Objection
from fla_gateway.keys.signers.local import EcSigner, RsaSigner
from fla_gateway.keys.signers.signer import Signer
from fla_gateway.secret import Secret

_RANDOM_TEXT: Final = 32
"""Bytes that a key signs to prove itself."""


def load_key(
    name: str,
    source: KeySource,
    passwords: Mapping[str, Secret],
    now: datetime,
    files: FileSnapshot | None = None,
    *,
    validate: bool = True,
) -> LoadedKey:
    """Read a key, once, and check it against the rules of the channel.

    Blocks for the reading and for the validation of an RSA key (28 ms for 2048 bits, 196 ms for 4096), with the lock
    of the interpreter held all the time. Without it an RSA key is proven by a signature that its certificate verifies
    (0.7 ms for 2048 bits): what is left unproven is only that both factors are prime.

    Args:
        name: the key's name in the configuration.
        source: where it is.
        passwords: environment variable -> value, at least for `source.password_env` if that is set.
        now: the time to judge validity by, with a time zone.
        files: those that were read with the configuration; without them the key's are read now.
        validate: whether an RSA key is validated in full.

    Raises:
        UnusableKeyError: with a sentence and a cure; never with a password or a part of the key.
    """
    files = files or FileSnapshot()
    password, warnings = read_password(source, passwords, files)
    material = read_material(source, files, password, validate=validate)
    public_key = material.key.public_key()
    _refuse(channel_rules.unusable_key(public_key))
    certificate = _certificate(material, now)
    pss = _pss(material, certificate)
    if not validate and not _proves_itself(material.key, certificate):
        raise UnusableKeyError(*inconsistent(material.place))
    facts = None if certificate is None else certificate_facts(certificate)
    found = _judged(material, certificate, facts, pss, now)
    return LoadedKey(name, _signer(material.key, pss), facts, (*warnings, *material.warnings, *found))


def _proves_itself(key: PrivateKeyTypes, certificate: x509.Certificate | None) -> bool:
    """Whether what an RSA key signs is verified by its certificate's key, or by its own without one."""
    if not isinstance(key, rsa.RSAPrivateKey):
        return True
    public = key.public_key() if certificate is None else certificate.public_key()
    text = os.urandom(_RANDOM_TEXT)
    try:
        signature = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
            return True
    except (InvalidSignature, InternalError, ValueError):
        pass
    return False


def _certificate(material: Material, now: datetime) -> x509.Certificate | None:
    if not material.candidates:
        return None
    found = matching(material.key.public_key(), material.candidates, now)
    if found is None:
        raise UnusableKeyError(*foreign_certificates(len(material.candidates), material.place))
    return found


def _pss(material: Material, certificate: x509.Certificate | None) -> tuple[str, ...] | None:
    """Find the JWS algorithms that an RSASSA-PSS key is limited to; None for any other key.

    Raises:
        UnusableKeyError: JWS has none that it may be used for.
    """
    found = material.pss
    if found is None and certificate is not None:
        found = rsa_pss.of_certificate(certificate)
    if found == ():
        _refuse(channel_rules.unusable_pss())
    return found


def _judged(
    material: Material,
    certificate: x509.Certificate | None,
    facts: CertificateFacts | None,
    pss: tuple[str, ...] | None,
    now: datetime,
) -> tuple[Objection, ...]:
    """Apply the rules; give the warnings.

    Raises:
        UnusableKeyError: the certificate is not valid yet.
    """
    found = [
        channel_rules.key_deviation(material.key.public_key()),
        channel_rules.pss_deviation(pss[0]) if pss else None,
    ]
    if certificate is None or facts is None:
        found.append(_unchecked(material.place))
    else:
        if (waiting := channel_rules.not_yet_valid(facts.not_before, now)) is not None:
            # Time alone mends it.
            raise UnusableKeyError(*waiting, valid_from=facts.not_before)
        found += [
            *channel_rules.certificate_deviations(certificate),
            channel_rules.expiry_warning(facts.not_after, now),
        ]
    return tuple(objection for objection in found if objection is not None)


def _unchecked(place: Path) -> Objection:
    message = Message(
        "certificate-missing",
        "{path} holds no certificate, so its rules (digest, key usage, validity) are unchecked",
        path=place,
    )
    return Objection(message, Text("name the .cer file that was uploaded in ChaMan in certificate"))


def _refuse(objection: Objection | None) -> None:
    if objection is not None:
        raise UnusableKeyError(*objection)


def _signer(key: PrivateKeyTypes, pss: tuple[str, ...] | None) -> Signer:
    if isinstance(key, rsa.RSAPrivateKey):
        return RsaSigner(key) if pss is None else RsaSigner(key, pss)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return EcSigner(key)
    message = Message("key-cannot-sign", "keys of the kind {kind} cannot sign here", kind=type(key).__name__)
    raise UnusableKeyError(message, Text("make an RSA key"))
