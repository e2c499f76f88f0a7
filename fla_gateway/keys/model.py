"""What is known of a key once it is loaded.

Owns the values that the rest of the program sees. Refuses to know files, formats and rules; nothing here holds or
shows a secret, except that a signer keeps its key to itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from fla_gateway.errors import with_cure
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.signers.signer import Signer
from fla_gateway.lean_dataclass import dataclass


class Objection(NamedTuple):
    """One thing that is wrong with a key, a certificate or a file.

    Attributes:
        message: what is wrong, in words for a reader who is no cryptographer.
        cure: what to do about it.
    """

    message: Message
    cure: Text

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> Text:
        """Both in one."""
        return with_cure(self.message, self.cure)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What an operator and an assertion need to know of a certificate.

    Attributes:
        subject: distinguished name (RFC 4514).
        not_before: start of validity, UTC.
        not_after: end of validity, UTC.
        self_signed: subject and issuer are the same name.
        sha1_thumbprint: 20 bytes over the DER, what ``x5t`` encodes (RFC 7515, section 4.1.7).
        sha256_thumbprint: 32 bytes over the DER, what ``x5t#S256`` encodes (RFC 7515, section 4.1.8).
    """

    subject: str
    not_before: datetime
    not_after: datetime
    self_signed: bool
    sha1_thumbprint: bytes
    sha256_thumbprint: bytes


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key that obeys the rules of the channel and can sign.

    Attributes:
        name: the name it has in the configuration.
        signer: signs with it.
        certificate: the certificate that belongs to it, or None if none was given.
        warnings: for the log and for `check`.
    """

    name: str
    signer: Signer
    certificate: CertificateFacts | None
    warnings: tuple[Objection, ...]
