"""Rule: the questions about the account: services, environment, a new account or one that exists.

Owns their texts, and which environments services have in common. Refuses to know their order (`flow`).
"""

from __future__ import annotations

from typing import Final

from fla_gateway.catalog.load import load
from fla_gateway.catalog.model import Service
from fla_gateway.catalog.prefix import parse_prefix
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.onboarding import labels
from fla_gateway.onboarding.labels import named
from fla_gateway.onboarding.question import NO, UNKNOWN, YES, Answers, Choice, Context, Question, several
from fla_gateway.onboarding.repealed import FEDERAL_LEARNING_ACCOUNT

DIMONA: Final = "dimona"
NEW: Final = "new"
EXISTING: Final = "existing"
SECOND_CERTIFICATE: Final = "second-certificate"
OWN_ACCOUNT: Final = "own-account"
MAKE: Final = "make"
TAKE: Final = "take"
ACCEPTANCE: Final = "acceptance"
_ENVIRONMENTS: Final = ("simulation", "acceptance", "production")
_MEANING: Final = {
    "simulation": Text("simulation: tests that have no effect, with PRODUCTION's account and tokens"),
    "acceptance": Text("acceptance: a test environment of its own, on request, with its own ChaMan and account"),
    "production": Text("PRODUCTION: what is sent there is declared"),
}


def offered_services() -> tuple[Service, ...]:
    """List the services of the catalogue that an account can be made for."""
    return tuple(
        it for it in load().services if it.prefix and (it.status == "current" or it.name == FEDERAL_LEARNING_ACCOUNT)
    )


def services(_answers: Answers, _context: Context) -> Question:
    """Ask for the services."""
    return Question(
        "services",
        Text("Which services shall the profile serve?"),
        (
            Text(
                "Names or numbers, several with commas. An API that is not in the list, because its path is not "
                "public, is written as its path: /REST/newApi/v1."
            ),
            Text(
                "One account may have the rights to several services, or each service an account of its own: then run "
                "init once for each."
            ),
        ),
        tuple(Choice(it.name, it.title) for it in offered_services()),
        many=True,
        open=True,
        default=DIMONA,
        read=_service,
    )


def environments_of(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """List the environments that all of the services have; one whose environments no source names may be in any."""
    catalogue = load()
    known = [service.environments for name in chosen if (service := catalogue.get(name)) and service.environments]
    return tuple(it for it in _ENVIRONMENTS if all(it in names for names in known))


def environment(answers: Answers, _context: Context) -> Question:
    """Ask for the environment."""
    there = environments_of(several(answers, "services"))
    lines = [
        Text("Only those are offered that every chosen service has; the FLA, for example, has no simulation."),
        Text(
            "Simulation has no token server of its own: its tokens are production tokens, and only the name of the "
            "API's host keeps a test from being a real declaration."
        ),
    ]
    return Question(
        "environment",
        Text("In which environment?"),
        tuple(lines),
        tuple(Choice(it, _MEANING[it]) for it in there),
        default=there[0] if (there and there[0] != "production") or len(there) == 1 else None,
    )


def account(_answers: Answers, context: Context) -> Question:
    """Ask for a new account or one that exists (4.4)."""
    return Question(
        "account",
        Text("Shall ChaMan have a new account for this, or is one there that is to be used?"),
        (
            Text(
                "In ChaMan they are listed below {list}, with {type} {rest}. One that exists can get further rights "
                "and keep its certificate; the private key of that certificate is needed here then.",
                list=named(labels.ACCOUNTS, context.language),
                type=named(labels.TYPE, context.language),
                rest=named(labels.REST, context.language),
            ),
            Text("If you do not know: a new one. It disturbs no program that uses another."),
        ),
        (Choice(NEW, Text("a new account")), Choice(EXISTING, Text("an account that exists"))),
        default=NEW,
    )


def has_key(_answers: Answers, _context: Context) -> Question:
    """Ask for the private key of the account that exists (4.4.2)."""
    return Question(
        "has-key",
        Text("Have you the private key of that account's certificate, as a file?"),
        (
            Text(
                "A .pfx (or .p12) with its password, or a .pem. A .cer or .crt is the public part, which ChaMan has, "
                "and is not enough. Often the key is in the software that uses the account now, and cannot be taken "
                "out."
            ),
        ),
        (Choice(YES, Text("yes")), Choice(NO, Text("no")), Choice(UNKNOWN, Text("I do not know"))),
        default=NO,
    )


def key_file(_answers: Answers, _context: Context) -> Question:
    """Ask where the key is."""
    return Question(
        "key-file",
        Text("Where is the file with the private key?"),
        (
            Text(
                "The file stays where it is, and the configuration names it: put it where the gateway can read it "
                "first."
            ),
        ),
        read=_path,
    )


def key_password_file(_answers: Answers, _context: Context) -> Question:
    """Ask where the password of the key is."""
    return Question(
        "key-password-file",
        Text("Where is the file with its password?"),
        (
            Text(
                "A file that holds the password alone, readable by its owner alone. Do not type the password here. "
                "Nothing, if the key has none."
            ),
        ),
        default="",
        read=_optional_path,
    )


def certificate_file(_answers: Answers, _context: Context) -> Question:
    """Ask where the certificate of a PEM key is."""
    return Question(
        "certificate-file",
        Text("Where is its certificate?"),
        (Text("The .cer or .crt that ChaMan has. Nothing, if it is in the same file."),),
        default="",
        read=_optional_path,
    )


def without_key(_answers: Answers, context: Context) -> Question:
    """Ask what shall be done where the key of the account cannot be had."""
    return Question(
        "without-key",
        Text("Without its key: shall the account get a second certificate, or shall there be an account of its own?"),
        (
            Text(
                "A second certificate is added beside the first ({label}). How many an account may have is not known; "
                "ChaMan may refuse it. Never replace or remove the first: another program may use it, and would stop "
                "working.",
                label=named(labels.ADD_CERTIFICATE, context.language),
            ),
            Text("An account of its own needs nothing of the other one, and is the safe way."),
        ),
        (
            Choice(OWN_ACCOUNT, Text("an account of its own")),
            Choice(SECOND_CERTIFICATE, Text("a second certificate in the account that exists")),
        ),
        default=OWN_ACCOUNT,
    )


def acceptance_access(_answers: Answers, _context: Context) -> Question:
    """Ask whether the company is admitted to acceptance (5.3)."""
    return Question(
        "acceptance-access",
        Text("Has the company been admitted to the acceptance environment?"),
        (
            Text(
                "It is not open by default (manual, 5.3): one asks by mail. With no or unknown a draft of that mail is "
                "written. Acceptance has its own ChaMan and its own access management, and an account of its own."
            ),
        ),
        (Choice(YES, Text("yes")), Choice(NO, Text("no")), Choice(UNKNOWN, Text("I do not know"))),
        default=UNKNOWN,
    )


def key(_answers: Answers, _context: Context) -> Question:
    """Ask whether a key is to be made for the certificate that is uploaded (4.4.1)."""
    return Question(
        "key",
        Text("Shall a private key with its certificate be made, or is there one already?"),
        (
            Text(
                "One that is made here is self-signed in the name of the company, which is accepted, and keeps every "
                "rule of the manual. One may also be bought (GlobalSign PersonalSign 3 Pro); then it is a file, .pfx "
                "as a rule."
            ),
        ),
        (Choice(MAKE, Text("make them")), Choice(TAKE, Text("take those that are there"))),
        default=MAKE,
    )


def uploads(answers: Answers) -> bool:
    """Return whether a certificate is uploaded: to a new account, or beside the first one of an account."""
    return answers.get("account") != EXISTING or answers.get("has-key") != YES


def makes_key(answers: Answers) -> bool:
    """Return whether a new key and certificate are to be made."""
    return uploads(answers) and answers.get("key") != TAKE


def uses_existing(answers: Answers) -> bool:
    """Return whether an account that exists is changed."""
    if answers.get("account") != EXISTING:
        return False
    return answers.get("has-key") == YES or answers.get("without-key") == SECOND_CERTIFICATE


def _service(text: str) -> str:
    service = load().get(text)
    if service is not None and service.prefix:
        return text
    if not text.startswith("/"):
        raise InvalidValueError(
            Message(
                "answer-service-unknown",
                "is no service that is known by name, and no path: `fla-gateway catalog` lists them",
            )
        )
    return parse_prefix(text)


def _path(text: str) -> str:
    if not text or not text.isprintable():
        raise InvalidValueError(Message("path-empty", "must name a file"))
    return text


def _optional_path(text: str) -> str:
    return _path(text) if text else text
