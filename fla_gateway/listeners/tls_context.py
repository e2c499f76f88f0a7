"""Adapter: the TLS context of a listener, from the files that the configuration names.

Owns what callers may negotiate, and the messages for files that cannot be used. Refuses to know connections
(`tls_handshakes`) and which caller a client certificate identifies (`peer_identity`, `access`).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

from cryptography import x509

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.gateway_tables import ListenerTls
from fla_gateway.config.schema import KeySource
from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys import asn1
from fla_gateway.keys.certificates.ca_file import read_roots
from fla_gateway.keys.files.file_permissions import exposure
from fla_gateway.keys.files.key_file import read_file, read_password
from fla_gateway.listeners.tls_alert import AlertingObject
from fla_gateway.network.verification import set_verify_flags
from fla_gateway.secret import Secret
from fla_gateway.system.memory_file import memory_file

_PEM: Final = Text("it must be PEM")


def _foreign_key(path: str) -> Message:
    return Message("tls-key-of-another", "{path} does not belong to the certificate", path=path)


def _short_key(path: str) -> Message:
    return Message("tls-key-too-short", "{path} has a key that is too short for TLS", path=path)


def _short_issuer_key(path: str) -> Message:
    return Message("tls-issuer-key-too-short", "{path} has an issuer with a key too short for TLS", path=path)


def _weak_digest(path: str) -> Message:
    return Message("tls-digest-too-weak", "{path} is signed with a digest that is no longer safe", path=path)


_REASONS: Final = {
    "KEY_VALUES_MISMATCH": ("key", _foreign_key, Text("give the key that it was made with")),
    # A key of another kind than the certificate's.
    "NO_CERTIFICATE_ASSIGNED": ("key", _foreign_key, Text("give the key that it was made with")),
    "EE_KEY_TOO_SMALL": ("certificate", _short_key, Text("make one with RSA 2048 or P-256")),
    "CA_KEY_TOO_SMALL": ("certificate", _short_issuer_key, Text("ask for one of another issuer")),
    "CA_MD_TOO_WEAK": ("certificate", _weak_digest, Text("ask for one with SHA-256")),
    "EE_MD_TOO_WEAK": ("certificate", _weak_digest, Text("ask for one with SHA-256")),
}


class ListenerContext(ssl.SSLContext):
    """The server's side of TLS for a listener.

    Attributes:
        client_roots: digests of the roots of client certificates. A connection keeps the context that it was proven by.
        certificate_end: end of validity of the certificate that it shows.
    """

    client_roots: frozenset[bytes] = frozenset()
    certificate_end: datetime | None = None
    sslobject_class = AlertingObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as in ssl.SSLContext
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """See `ssl.SSLContext`; both event loops make each connection's TLS by it."""
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        # typeshed knows nothing of `sslobject_class`.
        cast("AlertingObject", made).sends_by(outgoing)
        return made


def server_context(tls: ListenerTls, place: str, files: FileSnapshot | None = None) -> ListenerContext:
    """Make the server's side of TLS for a listener.

    TLS 1.2 or newer, HTTP/1.1 alone, no renegotiation, no compression. With `client_ca` callers may show a certificate,
    which must then be one of these roots; whether they must have one is not decided here.

    Args:
        tls: the table of the listener.
        place: of that table in the configuration, for the faults.
        files: those that were read with the configuration; without them the listener's are read now.

    Raises:
        ConfigurationError: with every file that cannot be read, or with what is wrong with their contents.
    """
    files = files or FileSnapshot()
    password = _read(tls, place, files)
    # Not create_default_context: it would trust the system's roots, any of which could then issue a caller.
    context = ListenerContext(ssl.PROTOCOL_TLS_SERVER)
    set_verify_flags(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, tls, password, files, place)
    context.certificate_end = _certificate(tls, files).not_valid_after_utc
    if tls.client_ca is not None:
        _load_roots(context, tls.client_ca, f"{place}.client_ca", files)
    return context


def tls_warnings(tls: ListenerTls, place: str, now: datetime, files: FileSnapshot | None = None) -> tuple[Fault, ...]:
    """Warn of a server certificate that callers refuse yet, and of a key that other users can read.

    Its end is reported with all other ends (`observe.expiries`).

    Args:
        tls: the table of a listener whose context could be made.
        place: of that table in the configuration.
        now: the time to judge validity by, with a time zone.
        files: as for `server_context`.
    """
    files = files or FileSnapshot()
    key = read_file(tls.key, files)
    certificate = _certificate(tls, files)
    _, of_password = read_password(KeySource(password_file=tls.password_file), {}, files)
    warnings = [Fault(f"{place}.key", it.message, it.cure) for it in exposure(key.path, key.custody)]
    warnings += [Fault(f"{place}.password_file", it.message, it.cure) for it in of_password]
    where = f"{place}.certificate"
    if now < certificate.not_valid_before_utc:
        start = certificate.not_valid_before_utc
        message = Message("tls-certificate-not-yet-valid", "is valid only from {day}", day=f"{start:%Y-%m-%d}")
        warnings.append(Fault(where, message, Text("check this machine's clock")))
    return tuple(warnings)


def _certificate(tls: ListenerTls, files: FileSnapshot) -> x509.Certificate:
    return x509.load_pem_x509_certificates(files.read(tls.certificate))[0]


def _read(tls: ListenerTls, place: str, files: FileSnapshot) -> Secret | None:
    """Take every file, so that all unreadable files are reported together; return the password of the key."""
    faults: list[Fault] = []
    for name, path in (("certificate", tls.certificate), ("key", tls.key), ("client_ca", tls.client_ca)):
        if path is None:
            continue
        try:
            read_file(path, files)
        except UnusableKeyError as error:
            faults.append(Fault(f"{place}.{name}", error.message, error.cure))
    password = None
    try:
        password, _ = read_password(KeySource(password_file=tls.password_file), {}, files)
    except UnusableKeyError as error:
        faults.append(Fault(f"{place}.password_file", error.message, error.cure))
    if faults:
        raise ConfigurationError(tuple(faults))
    return password


def _load_pair(
    context: ssl.SSLContext, tls: ListenerTls, password: Secret | None, files: FileSnapshot, place: str
) -> None:
    asked = False

    def answer() -> bytes:
        # Without this callback OpenSSL would prompt on the terminal.
        nonlocal asked
        asked = True
        # Octets that are not UTF-8 are lone surrogates in the text.
        return b"" if password is None else password.reveal().encode("utf-8", "surrogateescape")

    try:
        _load_chain(context, tls, files, answer, place)
    except (ssl.SSLError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else None
        fault = (
            _lock_fault(tls, password, place) if asked and reason is None else _pair_fault(tls, reason, files, place)
        )
        raise ConfigurationError((fault,)) from None


def _load_chain(
    context: ssl.SSLContext, tls: ListenerTls, files: FileSnapshot, answer: Callable[[], bytes], place: str
) -> None:
    """Let OpenSSL read certificate and key, which it does from files alone; they must be those that were read before.

    Raises:
        ConfigurationError: they had to be read from the disk once more, and are other ones by now.
        ssl.SSLError, ValueError: they cannot be used.
    """
    with memory_file(files.read(tls.certificate)) as certificate, memory_file(files.read(tls.key)) as key:
        if certificate is not None and key is not None:
            context.load_cert_chain(certificate, key, answer)
            return
    context.load_cert_chain(tls.certificate, tls.key, answer)
    changed = [name for name in ("certificate", "key") if not files.is_current(getattr(tls, name))]
    if changed:
        raise ConfigurationError(tuple(_changed_fault(f"{place}.{name}", getattr(tls, name)) for name in changed))


def _changed_fault(where: str, path: Path) -> Fault:
    message = Message("tls-file-changed", "{path} has changed meanwhile", path=str(path))
    return Fault(where, message, Text("try again"))


def _lock_fault(tls: ListenerTls, password: Secret | None, place: str) -> Fault:
    if password is None:
        message = Message(
            "tls-password-missing", "{path} is protected by a password, and none is configured", path=str(tls.key)
        )
        return Fault(f"{place}.key", message, Text("add password_file"))
    if not password.reveal():
        empty = Message(
            "tls-password-empty",
            "{path} is protected by a password, and the one that is configured is empty",
            path=str(tls.key),
        )
        return Fault(f"{place}.password_file", empty, Text("put the password into this file"))
    message = Message("tls-password-wrong", "the password does not open {path}", path=str(tls.key))
    cure = Text("look for blanks and further lines in the password file")
    return Fault(f"{place}.password_file", message, cure)


def _pair_fault(tls: ListenerTls, reason: str | None, files: FileSnapshot, place: str) -> Fault:
    if reason in _REASONS:
        name, message, cure = _REASONS[reason]
        return Fault(f"{place}.{name}", message(str(getattr(tls, name))), cure)
    if not _has_certificate(files.read(tls.certificate)):
        found = Message(
            "tls-certificate-unreadable", "{path} holds no certificate that can be read", path=str(tls.certificate)
        )
        return Fault(f"{place}.certificate", found, _PEM)
    found = Message("tls-key-unreadable", "{path} holds no private key that can be read", path=str(tls.key))
    return Fault(f"{place}.key", found, _PEM)


def _has_certificate(content: bytes) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(content))
    except ValueError:
        return False


def _load_roots(context: ListenerContext, path: Path, place: str, files: FileSnapshot) -> None:
    roots = read_roots(path, place, files, authorities=False)
    context.load_verify_locations(cadata=roots)
    context.client_roots = frozenset(sha256(root).digest() for root in _each(roots))
    context.verify_mode = ssl.CERT_OPTIONAL
    # A ticket would accept a caller again whose certificate has expired since: each connection presents it anew.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0


def _each(roots: bytes) -> Iterator[bytes]:
    while roots:
        _, further = asn1.read_first(roots)
        yield roots[: len(roots) - len(further)]
        roots = further
