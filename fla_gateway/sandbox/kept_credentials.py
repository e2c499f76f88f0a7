"""Rule: whether credentials that an earlier start left in the directory still serve.

Owns what they must fulfil: whole, belonging together, valid for a while yet, and under every name. Refuses to read and
to make them (`files`, `pki`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from fla_gateway.sandbox import files
from fla_gateway.sandbox.pki import ClientCredentials, ServerCredentials, alternatives_of

AT_LEAST: Final = dt.timedelta(days=7)
"""How long a certificate must last yet, since a sandbox may stay up for days."""


class UnfitError(Exception):
    """Kept credentials do not serve; the message says why, in words that follow "since"."""


def kept_server(found: Mapping[str, bytes], names: tuple[str, ...], now: float) -> ServerCredentials | None:
    """Return the CA's and the server's credentials of an earlier start; None where there was none.

    Args:
        found: content of the directory's files, by name.
        names: host names or IP addresses that the certificate must have.
        now: seconds since 1970.

    Raises:
        UnfitError: new ones are needed.
    """
    if files.CA not in found and files.SERVER not in found:
        return None
    try:
        ca = x509.load_pem_x509_certificate(found[files.CA])
        certificate = _pair(found[files.SERVER], found[files.SERVER])
        certificate.verify_directly_issued_by(ca)
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (KeyError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        raise UnfitError("the files that were left are damaged, or of a version that kept no key") from None
    if not set(alternatives_of(names)) <= set(alternatives):
        raise UnfitError("it is known under further names now")
    _judge_validity((ca, certificate), now)
    return ServerCredentials(found[files.CA], found[files.SERVER], b"")


def kept_client(found: Mapping[str, bytes], now: float) -> ClientCredentials | None:
    """Return the client's credentials of an earlier start; None where there were none.

    Args:
        found: content of the directory's files, by name.
        now: seconds since 1970.

    Raises:
        UnfitError: new ones are needed.
    """
    if files.CLIENT_KEY not in found and files.CLIENT_CERTIFICATE not in found:
        return None
    try:
        certificate = _pair(found[files.CLIENT_CERTIFICATE], found[files.CLIENT_KEY])
    except (KeyError, ValueError, TypeError):
        raise UnfitError("the files that were left are damaged") from None
    _judge_validity((certificate,), now)
    return ClientCredentials(found[files.CLIENT_KEY], found[files.CLIENT_CERTIFICATE])


def _pair(certificate: bytes, key: bytes) -> x509.Certificate:
    """Read a certificate that belongs to a key.

    Raises:
        ValueError: it does not, or one of them cannot be read.
    """
    found = x509.load_pem_x509_certificate(certificate)
    private = serialization.load_pem_private_key(key, None)
    if private.public_key() != found.public_key():
        raise ValueError("key and certificate are of two pairs")
    return found


def _judge_validity(certificates: Iterable[x509.Certificate], now: float) -> None:
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    for one in certificates:
        if not one.not_valid_before_utc <= moment <= one.not_valid_after_utc - AT_LEAST:
            raise UnfitError(f"the former one is valid until {one.not_valid_after_utc:%Y-%m-%d} only")
