"""Rule: the steps of exactly one case in ChaMan, for the person who does them (manual, 4.4.1, 4.4.2, 5.3, 6.1).

Owns what is done in which order, with the words of the screens. Refuses to know how a page looks (`chaman_page`), and
who wrote the answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.catalog.load import load
from fla_gateway.i18n.message import Text, joined
from fla_gateway.keys.certificates.enterprise_number import shown as shown_number
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding import labels
from fla_gateway.onboarding.channel_questions import ACCEPTANCE, SECOND_CERTIFICATE, uses_existing
from fla_gateway.onboarding.labels import NEVER_SEEN, Label, Naming
from fla_gateway.onboarding.preparations import ACCEPTANCE_ACCESS, Preparation, preparations
from fla_gateway.onboarding.question import Answers, several
from fla_gateway.onboarding.repealed import FEDERAL_LEARNING_ACCOUNT, FOR_OTHERS

CHAMAN: Final = "https://chaman.socialsecurity.be"
ACCEPTANCE_CHAMAN: Final = "https://chaman.acc.socialsecurity.be/"


@dataclass(frozen=True, slots=True)
class Upload:
    """The certificate that is uploaded.

    Attributes:
        file: name of the file in the same folder as the page.
        name: how the certificate is called in ChaMan.
        end: its last day, as a date.
    """

    file: str
    name: str
    end: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and what may be seen meanwhile."""

    text: Text
    remarks: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What the person at ChaMan gets.

    Attributes:
        title: of the page.
        facts: of the case, each with what it is.
        first: what is to be done before.
        steps: in ChaMan.
        back: what is to be sent back, each with a line to write on.
        remarks: at the end.
    """

    title: Text
    facts: tuple[tuple[Text, str], ...]
    first: tuple[Preparation, ...]
    steps: tuple[Step, ...]
    back: tuple[Text, ...]
    remarks: tuple[Text, ...]


def page(answers: Answers, upload: Upload | None, language: str) -> Page:
    """Write the page of a case.

    Args:
        answers: complete but for the client id.
        upload: the new certificate, or None where the account keeps its own.
        language: of the reader.
    """

    def name(label: Label) -> str:
        return labels.named(label, language)

    return Page(
        Text("ChaMan: what is to be done for {company}", company=answers["company"]),
        tuple(_facts(answers, name)),
        preparations(answers, name),
        tuple(_steps(answers, upload, name)),
        tuple(_back(name)),
        tuple(_remarks(answers, upload, language, name)),
    )


def rights_of(answers: Answers) -> tuple[Label, ...]:
    """List the boxes to tick, as far as the manual shows them."""
    catalogue = load()
    found = [catalogue.get(name) for name in several(answers, "services")]
    return tuple(dict.fromkeys(labels.right(right.label) for service in found if service for right in service.rights))


def _facts(answers: Answers, name: Naming) -> Iterator[tuple[Text, str]]:
    yield Text("Company"), answers["company"]
    yield Text("Enterprise number"), shown_number(answers["enterprise-number"])
    yield Text("Quality"), name(labels.OF_QUALITY[answers["quality"]])
    yield Text("For"), joined(_titles(answers), ", ")
    yield Text("Environment"), _environment(answers)


def _titles(answers: Answers) -> Iterator[str]:
    for one in several(answers, "services"):
        service = load().get(one)
        yield service.title if service else one


def _environment(answers: Answers) -> Text:
    environment = answers["environment"]
    if environment == ACCEPTANCE:
        return Text("acceptance: a test environment with a ChaMan of its own")
    if environment == "simulation":
        return Text("simulation: tests without effect; the account is made in the usual ChaMan")
    return Text("production")


def _steps(answers: Answers, upload: Upload | None, name: Naming) -> Iterator[Step]:
    yield from _log_in(answers, name)
    if uses_existing(answers):
        yield from _change_account(answers, upload, name)
    else:
        yield from _new_account(answers, upload, name)


def _log_in(answers: Answers, name: Naming) -> Iterator[Step]:
    if answers["environment"] == ACCEPTANCE:
        yield Step(Text("Open the ChaMan of acceptance: {address}", address=ACCEPTANCE_CHAMAN))
    else:
        yield Step(
            Text(
                "Open ChaMan: {address}, or go to www.socialsecurity.be, then {target}, {all}, ChaMan, {channels}.",
                address=CHAMAN,
                target=name(labels.TARGET_GROUP),
                all=name(labels.ALL_SERVICES),
                channels=name(labels.MANAGE_CHANNELS),
            )
        )
    yield Step(Text("Choose the target group {target}.", target=name(labels.TARGET_GROUP)))
    yield Step(Text("Log in with CSAM (eID, itsme, MyGov.be) and follow its instructions."))
    wanted = name(labels.OF_QUALITY[answers["quality"]])
    yield Step(
        Text("If ChaMan asks for a quality, choose {wanted}.", wanted=wanted),
        (
            Text(
                "It is not in the list? Then the {main}, formerly {old}, creates it in {access} first. Do not take "
                "another one.",
                main=name(labels.MAIN_MANAGER),
                old=name(labels.OLD_MANAGER),
                access=name(labels.ACCESS_MANAGEMENT),
            ),
        ),
    )
    yield Step(Text("The start page of ChaMan appears."), tuple(_start_page(answers, name)))


def _start_page(answers: Answers, name: Naming) -> Iterator[Text]:
    where = ACCEPTANCE_ACCESS if answers["environment"] == ACCEPTANCE else name(labels.ACCESS_MANAGEMENT)
    yield Text(
        "It says {screen}? Then the {main}, formerly {old}, gives you the right {right} in {where} first.",
        screen=name(labels.NO_ACCESS),
        main=name(labels.MAIN_MANAGER),
        old=name(labels.OLD_MANAGER),
        right=name(labels.CHAMAN_RIGHT),
        where=where,
    )
    yield Text(
        "At the first log-in it may ask for a {sender} with one contact person: fill that in.",
        sender=name(labels.SENDER),
    )


def _new_account(answers: Answers, upload: Upload | None, name: Naming) -> Iterator[Step]:
    yield Step(
        Text(
            "Click {add}. For {type} choose {rest}.",
            add=name(labels.ADD_ACCOUNT),
            type=name(labels.TYPE),
            rest=name(labels.REST),
        )
    )
    yield Step(
        Text(
            "{field}: type {value}. The name is free; it is for your company only.",
            field=name(labels.ACCOUNT_NAME),
            value=f"fla-gateway-{answers['profile']}",
        )
    )
    yield from _tick(answers, name)
    if upload is not None:
        yield from _upload(upload, name)
    yield Step(Text("Click {confirm}.", confirm=name(labels.CONFIRM)))
    yield _read_client_id(name)


def _change_account(answers: Answers, upload: Upload | None, name: Naming) -> Iterator[Step]:
    yield Step(
        Text(
            "In the list {list}, open the account of type {rest} that is to be used: click the icon at the end of its "
            "line.",
            list=name(labels.ACCOUNTS),
            rest=name(labels.REST),
        ),
        (Text("Do not make a new account, and do not remove this one: other programs may use it."),),
    )
    yield Step(Text("Click the icon beside {permissions}, to change them.", permissions=name(labels.PERMISSIONS)))
    yield from _tick(answers, name)
    yield Step(Text("Leave every box ticked that is ticked already. Click {confirm}.", confirm=name(labels.CONFIRM)))
    if upload is not None:
        yield Step(
            Text(
                "Below {certificates} click {add}.",
                certificates=name(labels.CERTIFICATES),
                add=name(labels.ADD_CERTIFICATE),
            )
        )
        yield from _upload(upload, name)
        yield Step(
            Text("Click {confirm}.", confirm=name(labels.CONFIRM)),
            (
                Text(
                    "Never replace or remove the certificate that is there: another program may use it. How many an "
                    "account may have is not known. If ChaMan refuses a second one, stop here and say so: the account "
                    "stays as it is, and a new one is made instead."
                ),
            ),
        )
    yield _read_client_id(name)


def _tick(answers: Answers, name: Naming) -> Iterator[Step]:
    rights = rights_of(answers)
    unlabelled = [it for it in several(answers, "services") if not _has_rights(it)]
    if rights:
        yield Step(
            Text(
                "Below {permissions} tick: {rights}.",
                permissions=name(labels.PERMISSIONS),
                rights=", ".join(map(name, rights)),
            ),
            (Text("And nothing else, unless another program is to use the same account."),),
        )
    if unlabelled:
        yield Step(
            Text(
                "Below {permissions} also tick the right to {services}. How the box is called was not seen yet: "
                "please write it down.",
                permissions=name(labels.PERMISSIONS),
                services=", ".join(unlabelled),
            ),
            (
                Text(
                    "It is not there? Some services appear only after an agreement with the institution that offers "
                    "them."
                ),
            ),
        )


def _has_rights(name: str) -> bool:
    service = load().get(name)
    return bool(service and service.rights)


def _upload(upload: Upload, name: Naming) -> Iterator[Step]:
    yield Step(
        Text(
            "{field}: choose the file {file}, which came with this page.",
            field=name(labels.CERTIFICATE),
            file=upload.file,
        ),
        (
            Text(
                "It is the public part of a key, valid until {day}. It may be sent by mail. The private "
                "part stays on the machine of the IT person, and is never asked for.",
                day=upload.end,
            ),
        ),
    )
    yield Step(
        Text("{field}: type {value}.", field=name(labels.CERTIFICATE_NAME), value=upload.name),
        (
            Text(
                "Year and month are its {expiry}, which distinguishes it from the next one: ChaMan shows no "
                "thumbprint.",
                expiry=name(labels.EXPIRY),
            ),
        ),
    )


def _read_client_id(name: Naming) -> Step:
    return Step(
        Text(
            "ChaMan now shows a {client} for the account. Copy all of it to the line below.",
            client=name(labels.CLIENT_ID),
        )
    )


def _back(name: Naming) -> Iterator[Text]:
    yield Text("{client} of the account", client=name(labels.CLIENT_ID))
    yield Text("Done on, by")
    yield Text("What was different on the screen")


def _remarks(answers: Answers, upload: Upload | None, language: str, name: Naming) -> Iterator[Text]:
    yield Text("Send the lines back to the IT person. None of them is a secret; they may be sent by mail.")
    if upload is None:
        yield Text("No certificate is uploaded: the account keeps the one that it has, whose key is there.")
    if answers.get("without-key") == SECOND_CERTIFICATE:
        yield Text("If there will be an account of its own after all, the IT person prints another page.")
    if answers["quality"] in {"secretariat", "provider"}:
        yield Text(
            "One account serves all clients; each of them needs an active mandate (Dutch: {word}) for the service.",
            word=name(labels.MANDATE),
        )
    if FEDERAL_LEARNING_ACCOUNT in several(answers, "services"):
        yield from FOR_OTHERS
    if language != "nl":
        yield Text("Words in quotes are those of the screens, which the manual shows in Dutch.")
    if language == "fr":
        yield Text("{mark} our own translation: these French words were never seen on a screen.", mark=NEVER_SEEN)
