"""Value: the files of a new pair, by name.

Owns names, formats and the password. Refuses to touch the disk; `files.new_files` writes.
"""

from __future__ import annotations

import secrets
from pathlib import PurePath
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

from fla_gateway.keys.certificates.issue import Pair

FOR_CHAMAN: Final = PurePath("for-chaman")
"""The folder with what is uploaded, and nothing secret."""
_PASSWORD_BYTES: Final = 24


def pair_files(name: str, pair: Pair) -> dict[PurePath, bytes]:
    """Return the content of each file of a pair; one generated password opens both forms of the key.

    Args:
        name: of the pair: the files are called so.
        pair: key and certificate.
    """
    password = secrets.token_urlsafe(_PASSWORD_BYTES).encode()
    encryption = BestAvailableEncryption(password)
    der, pem = (pair.certificate.public_bytes(form) for form in (Encoding.DER, Encoding.PEM))
    return {
        PurePath(f"{name}.pfx"): pkcs12.serialize_key_and_certificates(
            name.encode(), pair.key, pair.certificate, None, encryption
        ),
        PurePath(f"{name}.pass"): password + b"\n",
        PurePath(f"{name}.pem"): pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption) + pem,
        PurePath(f"{name}.cer"): der,
        PurePath(f"{name}.crt"): pem,
        FOR_CHAMAN / f"{proposed_name(name, pair.certificate)}.cer": der,
    }


def proposed_name(name: str, certificate: x509.Certificate) -> str:
    """Return the Certificaatnaam to give it in ChaMan: with month and year of its end, unlike the next one's."""
    return f"{name}-{certificate.not_valid_after_utc:%Y-%m}"
