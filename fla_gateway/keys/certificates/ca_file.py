"""Adapter: roots out of the files that the configuration names.

Owns the judgement that each entry of such a file is whole, and a certificate of a CA. Refuses to know the forms in
which certificates are written (`keys.files.certificate_bundle`), and what the roots are for.

OpenSSL takes of a file what it can read, and what is no CA it takes as well and never uses: a root that is missing
because of that is found out much later, by a connection that fails. So every entry is looked at, and none is skipped.
"""

from __future__ import annotations

import re
import ssl
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificate_fields import subject_of
from fla_gateway.keys.files import pem
from fla_gateway.keys.files.certificate_bundle import malformed, read_certificates

_LARGEST: Final = 8_388_608
_FORMS: Final = Text("it must be PEM, DER or PKCS#7 (.p7b)")
_BOUNDARY: Final = re.compile(rb"-+[ \t]*(BEGIN|END)\b")
"""Anything that was meant to be a boundary line, however damaged."""
_SHOWN: Final = 120
_PUT_IN: Final = Text("put the root certificate of the CA that issued it into the file, and take this one out")


def read_roots(path: Path, place: str, files: FileSnapshot | None = None, *, authorities: bool = True) -> bytes:
    """Read the roots of a file.

    Args:
        path: PEM, DER or PKCS#7.
        place: of the file in the configuration, for the faults.
        files: those that were read with the configuration; without them the file is read now.
        authorities: each certificate has to be one of a CA. Not where clients are verified: their own certificates,
            signed by themselves, may be named one by one.

    Returns:
        The certificates in DER, one after the other, as `ssl.SSLContext.load_verify_locations` takes them.

    Raises:
        ConfigurationError: the file cannot be read, holds no certificate, or has an entry that is damaged or no CA;
            with each of them.
    """
    content = _read(path, place, files or FileSnapshot())
    try:
        with warnings.catch_warnings():
            # Bundles have roots of old make, such as one with the serial number 0; OpenSSL takes them.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificates = read_certificates(path, content, _FORMS)
    except UnusableKeyError as error:
        raise ConfigurationError((Fault(place, error.message, error.cure),)) from None
    faults = _damaged_boundaries(path, content, place)
    faults += _not_taken(path, certificates, place, authorities=authorities)
    if faults:
        raise ConfigurationError(tuple(faults))
    return b"".join(certificate.public_bytes(Encoding.DER) for certificate in certificates)


def _read(path: Path, place: str, files: FileSnapshot) -> bytes:
    try:
        content = files.read(path)
    except OSError as error:
        message = Message(
            "ca-file-unreadable", "{path} cannot be read: {reason}", path=str(path), reason=reason_of(error)
        )
        fault = Fault(place, message, Text("check the path and its rights"))
    else:
        if len(content) <= _LARGEST:
            return content
        message = Message(
            "ca-file-too-large",
            "{path} is larger than {largest} MiB, so it holds no roots",
            path=str(path),
            largest=_LARGEST >> 20,
        )
        fault = Fault(place, message, Text("check the path"))
    raise ConfigurationError((fault,))


def _damaged_boundaries(path: Path, content: bytes, place: str) -> list[Fault]:
    """Find blocks whose first or last line is damaged, so that nothing between the lines looks like a block."""
    text = pem.repaired(content)
    whole = len(pem.blocks(text))
    meant = [match[1] for match in _BOUNDARY.finditer(text)]
    if max(meant.count(b"BEGIN"), meant.count(b"END")) <= whole:
        return []
    message = Message(
        "ca-file-damaged",
        "{path} has more BEGIN or END lines than the {blocks} blocks that can be read",
        path=str(path),
        blocks=whole,
    )
    cure = Text("each begins and ends with five dashes; copy the damaged certificate into it again")
    return [Fault(place, message, cure)]


def _not_taken(path: Path, certificates: tuple[x509.Certificate, ...], place: str, *, authorities: bool) -> list[Fault]:
    """Find certificates that OpenSSL does not take at all, or not for those of a CA."""
    der = [certificate.public_bytes(Encoding.DER) for certificate in certificates]
    together = _authorities(b"".join(der))
    if together is not None and (together == len(set(der)) or not authorities):
        return []
    faults = []
    for number, (certificate, encoded) in enumerate(zip(certificates, der, strict=True), start=1):
        found = _authorities(encoded)
        if found is None:
            faults.append(Fault(place, *malformed(path, number)))
        elif authorities and not found:
            faults.append(Fault(place, _no_authority(number, path, certificate), _PUT_IN))
    return faults


def _no_authority(number: int, path: Path, certificate: x509.Certificate) -> Message:
    return Message(
        "ca-file-without-ca",
        "certificate {number} of {path} ({subject}) is not one of a CA",
        number=number,
        path=str(path),
        subject=_name(certificate),
    )


def _authorities(der: bytes) -> int | None:
    """Count the certificates that OpenSSL takes for those of a CA (X509_check_ca), each once.

    Returns:
        None if there is one that it does not read.
    """
    store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        store.load_verify_locations(cadata=der)
    except ssl.SSLError:
        return None
    found = store.cert_store_stats()
    if found["x509_ca"] < found["x509"]:
        # A malformed extension leaves an error in OpenSSL's queue, which the next call, of any part of the program,
        # takes for its own: this one does.
        with suppress(ssl.SSLError):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    return found["x509_ca"]


def _name(certificate: x509.Certificate) -> str:
    name = subject_of(certificate).rfc4514_string() or "without a name"
    return "".join(it if it.isprintable() else "?" for it in name[:_SHOWN])
