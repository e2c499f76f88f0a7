"""Value: how ChaMan shows a certificate on the screen of an account, in its own words and order.

Owns the words, and what of a certificate is behind each, as far as the one example of the manual shows it (section
4.4.2): Eigenaar was the common name of the subject, Onderneming its organization, Leverancier the common name of the
issuer. Refuses to know more: the screen has no thumbprint.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from fla_gateway.keys.certificate_fields import issuer_of, subject_of
from fla_gateway.keys.certificates.pair_files import proposed_name

_UPLOADED: Final = ".cer"
_MONTHS: Final = (
    "januari", "februari", "maart", "april", "mei", "juni",
    "juli", "augustus", "september", "oktober", "november", "december",
)  # fmt: skip
_LAST_SURE_HOUR: Final = 22
"""Of a day in UTC, from which on it may be the next one in Belgium."""
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DATED: Final = re.compile(r"-\d{4}-\d{2}$")
_LONGEST_STEM: Final = 48


class ChamanEntry(NamedTuple):
    """The members of the screen, in its order.

    Attributes:
        certificaatnaam: chosen by the person who uploads; here it is a proposal.
        bestandsnaam: name of the file that is uploaded.
        eigenaar: owner.
        onderneming: enterprise; empty where the certificate names none.
        leverancier: issuer.
        vervaldatum: expiry date, as the screen writes it.
    """

    certificaatnaam: str
    bestandsnaam: str
    eigenaar: str
    onderneming: str
    leverancier: str
    vervaldatum: str

    def members(self) -> dict[str, str]:
        """Return them by the words of the screen."""
        return {name.capitalize(): value for name, value in self._asdict().items()}


def chaman_entry(path: Path, certificate: x509.Certificate, alias: str = "") -> ChamanEntry:
    """Say how ChaMan would show a certificate.

    Args:
        path: the file that it comes from.
        certificate: the certificate.
        alias: of its key among several in that file; empty for the only one.
    """
    name = name_for_chaman(path, certificate, alias)
    file = path.name if path.suffix.lower() == _UPLOADED else f"{name}{_UPLOADED}"
    owner = _common_name(subject_of(certificate))
    return ChamanEntry(
        name,
        file,
        owner,
        _value(subject_of(certificate), NameOID.ORGANIZATION_NAME),
        _common_name(issuer_of(certificate)),
        dutch_date(certificate.not_valid_after_utc),
    )


def name_for_chaman(path: Path, certificate: x509.Certificate, alias: str = "") -> str:
    """Propose a Certificaatnaam: that of the file, with month and year of the end; see `pair_files.proposed_name`.

    Args:
        path: of the file with the certificate.
        certificate: whose end the name has.
        alias: of the identity, where the file has several.
    """
    stem = _DATED.sub("", path.stem)
    words = f"{stem}-{alias}" if alias else stem
    plain = _UNUSUAL.sub("-", words).strip("-.")[:_LONGEST_STEM] or "certificate"
    return proposed_name(plain, certificate)


def dutch_date(moment: datetime) -> str:
    """Write a date as the screen of the manual does."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def may_be_next_day(moment: datetime) -> bool:
    """Whether a moment in UTC may be on the next day in Belgium."""
    return moment.hour >= _LAST_SURE_HOUR


def _common_name(name: x509.Name) -> str:
    return _value(name, NameOID.COMMON_NAME) or _value(name, NameOID.ORGANIZATION_NAME) or name.rfc4514_string()


def _value(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    return next((str(it.value) for it in name.get_attributes_for_oid(oid)), "")
