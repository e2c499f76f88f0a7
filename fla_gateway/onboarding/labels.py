"""Value: what the government's screens and papers call things, literally, with how sure that is.

Owns the words. Refuses to use them: questions, steps and letters do. A person looks for exactly these words on a
screen, so the Dutch ones are never translated. The French ones are those of the portal where a page of it was read;
others are a translation of this program's own, marked with an asterisk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fla_gateway.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """Words of a screen.

    Attributes:
        nl: as the manual or the portal has them.
        fr: in French; empty where they are the same.
        en: what they mean; empty where that can be seen.
        fr_seen: whether the French ones were read on a page of the portal.
    """

    nl: str
    fr: str = ""
    en: str = ""
    fr_seen: bool = False


Naming = Callable[[Label], str]
"""How a label is written for a reader."""

NEVER_SEEN: Final = "*"


def named(label: Label, language: str) -> str:
    """Write a label: the Dutch words in quotes, and behind them what helps a reader of another language.

    Args:
        label: the words.
        language: of the reader.
    """
    literal = f'"{label.nl}"'
    if language == "fr" and label.fr:
        return f'{literal} ("{label.fr}"{"" if label.fr_seen else NEVER_SEEN})'
    if language == "en" and label.en:
        return f"{literal} ({label.en})"
    return literal


def _seen(nl: str, fr: str, en: str) -> Label:
    return Label(nl, fr, en, fr_seen=True)


MAIN_MANAGER: Final = _seen("Hoofdtoegangsbeheerder", "Gestionnaire d'Accès Principal", "Chief Access Manager")
MANAGER: Final = _seen("Toegangsbeheerder", "Gestionnaire d'Accès", "Access Manager")
OLD_MANAGER: Final = Label("lokale beheerder", "gestionnaire local", "local administrator")
REPRESENTATIVE: Final = _seen("wettelijke vertegenwoordiger", "représentant légal", "legal representative")
ACCESS_MANAGEMENT: Final = _seen("Toegangsbeheer", "Gestion des accès", "Access Management")
RESPONSIBLES: Final = Label("Uw verantwoordelijken", "Vos responsables", "your administrators")
CHAMAN_RIGHT: Final = Label("Beheer van de technische kanalen", "Gestion des canaux techniques", "the right to ChaMan")
CHAMAN_SERVICE: Final = _seen(
    "ChaMan - Technisch kanaalbeheer",
    "Chaman - Gestion des canaux techniques",
    "the same right, as the portal has it",
)
MANAGE_CHANNELS: Final = Label(
    "Beheer uw technische kanalen", "Gérez vos canaux techniques", "manage your technical channels"
)
ALL_SERVICES: Final = Label("Naar alle onlinediensten", "Vers tous les services en ligne", "to all online services")
NO_ACCESS: Final = Label("geen toegang", "pas d'accès", "no access")
QUALITY: Final = _seen("hoedanigheid", "qualité", "")
EMPLOYER: Final = Label("RSZ werkgever", "employeur ONSS", "NSSO employer")
SECRETARIAT: Final = _seen("sociaal secretariaat", "secrétariat social", "social secretariat")
PROVIDER: Final = _seen("dienstverlener", "prestataire de services", "service provider")
TRAINING_PROVIDER: Final = Label("opleidingsverstrekker", "prestataire de formation", "training provider")
SENDER: Final = _seen("verzender", "expéditeur", "sender")
MANDATE: Final = _seen("mandaat", "mandat", "")
MAHIS: Final = Label("MAHIS, Beheer van mandaten", "Mahis, Gestion des mandats", "MAHIS, mandates")
TARGET_GROUP: Final = Label("Onderneming", "Entreprise", "enterprise")
ADD_ACCOUNT: Final = Label(
    "Een webservice account toevoegen", "Ajouter un compte webservice", "add a web service account"
)
ACCOUNTS: Final = Label("Webservices account", "Compte webservices", "web service accounts")
TYPE: Final = Label("Type")
REST: Final = Label("REST")
ACCOUNT_NAME: Final = Label("Accountnaam", "Nom du compte", "account name")
PERMISSIONS: Final = Label("Beveiligde machtigingen", "Autorisations sécurisées", "secured permissions")
CERTIFICATES: Final = Label("Certificaten", "Certificats", "certificates")
CERTIFICATE: Final = Label("Certificaat", "Certificat", "certificate")
ADD_CERTIFICATE: Final = Label("Een certificaat toevoegen", "Ajouter un certificat", "add a certificate")
CERTIFICATE_NAME: Final = Label("Certificaatnaam", "Nom du certificat", "certificate name")
EXPIRY: Final = Label("Vervaldatum", "Date d'expiration", "expiry date")
CONFIRM: Final = Label("Bevestigen", "Confirmer", "confirm")
CLIENT_ID: Final = Label("Client ID")

RIGHTS: Final = {
    "CareerPro - Federal Learning Account - Aangifte": Label(
        "CareerPro - Federal Learning Account - Aangifte",
        "CareerPro - Federal Learning Account - Déclaration",
        "declare",
    ),
    "Dimona-aangiftes verrichten": Label(
        "Dimona-aangiftes verrichten", "Effectuer des déclarations Dimona", "make Dimona declarations"
    ),
    "Consultatie van de Dimona-aangifte": Label(
        "Consultatie van de Dimona-aangifte", "Consultation de la déclaration Dimona", "consult a Dimona declaration"
    ),
    "Check In And Out @ Work - Consultatie": Label(
        "Check In And Out @ Work - Consultatie", "Check In And Out @ Work - Consultation", "presence, consult"
    ),
}
"""Boxes below `PERMISSIONS`, by the Dutch words, as the catalogue of services has them."""


def right(words: str) -> Label:
    """Return the label of a right by its Dutch words."""
    return RIGHTS.get(words, Label(words))


OF_QUALITY: Final = {
    "employer": EMPLOYER,
    "secretariat": SECRETARIAT,
    "provider": PROVIDER,
    "training-provider": TRAINING_PROVIDER,
}
"""By the answer to the question for it."""
