"""Rule: what has to be there before anything can be done in ChaMan, and who can do it where.

Owns the manual's sections 3 and 4.1 to 4.3, the sender of the portal, and the mandates of 2.2. Refuses to ask: the
questions do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding import labels
from fla_gateway.onboarding.labels import Naming
from fla_gateway.onboarding.question import NO, UNKNOWN, Answers

BECOME_EMPLOYER: Final = "https://www.socialsecurity.be/site_nl/general/first_visit/access/register-as-employer.htm"
REGISTER: Final = (
    "https://www.socialsecurity.be/site_nl/employer/infos/employer_onss/registration_gen/register/register.htm"
)
ACCEPTANCE_ACCESS: Final = "https://uman.acc.socialsecurity.be/uman/"

ORDER: Final = ("known-employer", "registered", "chaman-access", "sender", "quality-present", "mandates")
"""Ids of the questions, in the order in which the things are done."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is to be done first.

    Attributes:
        question: id of the question that was answered with no, or not known.
        title: what it is about.
        lines: who can do it, and where.
    """

    question: str
    title: Text
    lines: tuple[Text, ...]


def preparations(answers: Answers, name: Naming) -> tuple[Preparation, ...]:
    """List what is to be done first, in its order.

    Args:
        answers: those questions that were answered with no or not known count.
        name: writes a label.
    """
    open_ones = [it for it in ORDER if answers.get(it) in {NO, UNKNOWN}]
    return tuple(Preparation(it, _TITLES[it], tuple(_LINES[it](answers, name))) for it in open_ones)


def preparation(question: str, answers: Answers, name: Naming) -> Preparation | None:
    """Return what has to be done first because of one answer, or None.

    Args:
        question: its id, one of `ORDER`.
        answers: all that were given.
        name: writes a label.
    """
    return next((it for it in preparations(answers, name) if it.question == question), None)


def _known_employer(_answers: Answers, name: Naming) -> Iterator[Text]:
    yield Text(
        "The company has to be known to the NSSO (RSZ, ONSS) as an employer: {quality}. The employer itself asks for "
        "it, or the social secretariat does so in its name, here:",
        quality=name(labels.EMPLOYER),
    )
    yield Text("{address}", address=BECOME_EMPLOYER)
    yield Text("A company that makes Dimona declarations already is known.")


def _registered(_answers: Answers, name: Naming) -> Iterator[Text]:
    yield Text(
        "The company has to be registered on the portal of the social security. A {representative} of the company "
        "names a {main}, who manages the access of all others; the manual of 2024 calls this person {old}. Here:",
        representative=name(labels.REPRESENTATIVE),
        main=name(labels.MAIN_MANAGER),
        old=name(labels.OLD_MANAGER),
    )
    yield Text("{address}", address=REGISTER)
    yield Text(
        "Who it is can be seen in {service}, on the page {page}, by everyone who uses an online service of the portal "
        "for the company: {way}",
        service=name(labels.ACCESS_MANAGEMENT),
        page=name(labels.RESPONSIBLES),
        way="www.socialsecurity.be > Onderneming > Alle online diensten > Toegangsbeheer",
    )


def _chaman_access(answers: Answers, name: Naming) -> Iterator[Text]:
    yield Text(
        "ChaMan is open to the {main}, formerly {old}, and to everyone who has been given the right {right}, which the "
        "portal lists as {service}. That person or a {manager} gives it in {access}: {where}",
        main=name(labels.MAIN_MANAGER),
        old=name(labels.OLD_MANAGER),
        manager=name(labels.MANAGER),
        right=name(labels.CHAMAN_RIGHT),
        service=name(labels.CHAMAN_SERVICE),
        access=name(labels.ACCESS_MANAGEMENT),
        where=_access_management(answers),
    )
    yield Text(
        "If ChaMan shows {screen} after the log-in, exactly this right is missing: the log-in itself was good.",
        screen=name(labels.NO_ACCESS),
    )


def _sender(_answers: Answers, name: Naming) -> Iterator[Text]:
    yield Text(
        "At the first log-in to ChaMan the portal asks for a {sender} with one contact person, and gives it a number. "
        "The person who logs in fills that in; it is done once for each quality.",
        sender=name(labels.SENDER),
    )
    yield Text("This is known from pages of the portal; the manual does not mention it.")


def _quality_present(answers: Answers, name: Naming) -> Iterator[Text]:
    wanted = name(labels.OF_QUALITY[answers["quality"]])
    yield Text(
        "After the log-in ChaMan offers the qualities of the company (Dutch: {word}). If {wanted} is not among them, "
        "the {main}, formerly {old}, has to create it in {access}: {where}",
        word=name(labels.QUALITY),
        wanted=wanted,
        main=name(labels.MAIN_MANAGER),
        old=name(labels.OLD_MANAGER),
        access=name(labels.ACCESS_MANAGEMENT),
        where=_access_management(answers),
    )
    yield Text("Do not take another quality instead: an account belongs to one quality, and its rights differ.")


def _mandates(_answers: Answers, name: Naming) -> Iterator[Text]:
    yield Text(
        "For each employer an active mandate (Dutch: {word}) for the service is needed. It is made in {service}: {way}",
        word=name(labels.MANDATE),
        service=name(labels.MAHIS),
        way="www.socialsecurity.be > Onderneming > Online dienst > MAHIS",
    )
    yield Text(
        "The page of MAHIS has the conditions (Guidelines voor sociale dienstverrichters). Mandates change by "
        "quarter. For the Federal Learning Account an employer has one mandatary at most, who may be another one than "
        "for Dimona."
    )


def _access_management(answers: Answers) -> str:
    if answers.get("environment") == "acceptance":
        return ACCEPTANCE_ACCESS
    return "www.socialsecurity.be > Onderneming > Alle online diensten > Toegangsbeheer"


_TITLES: Final = {
    "known-employer": Text("Be known as an NSSO employer"),
    "registered": Text("Be registered on the portal"),
    "chaman-access": Text("Have access to ChaMan"),
    "sender": Text("Create the sender at the first log-in"),
    "quality-present": Text("Have the quality"),
    "mandates": Text("Have the mandates"),
}
_LINES: Final = {
    "known-employer": _known_employer,
    "registered": _registered,
    "chaman-access": _chaman_access,
    "sender": _sender,
    "quality-present": _quality_present,
    "mandates": _mandates,
}
