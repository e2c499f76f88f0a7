"""Rule: the questions about the company: in which quality it acts, and what it has done already.

Owns their texts. Refuses to know their order (`flow`), and what is to be done after a no (`preparations`).
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.config.values.constraints import NAME_PATTERN
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.keys.certificates.enterprise_number import enterprise_number
from fla_gateway.onboarding import labels
from fla_gateway.onboarding.labels import named
from fla_gateway.onboarding.question import NO, UNKNOWN, YES, Answers, Choice, Context, Question

TRAINING_PROVIDER: Final = "training-provider"
MANDATARIES: Final = frozenset(("secretariat", "provider"))
_LONGEST_COMPANY: Final = 64
"""RFC 5280, appendix A.1: ub-common-name and ub-organization-name; the library counts the bytes of UTF-8."""
_NAME: Final = re.compile(NAME_PATTERN)
_RESERVED: Final = frozenset(("api",))
_NO_ADVICE: Final = Text(
    "With no or unknown it goes on all the same, here and below: the page for ChaMan then says what is to be done "
    "first."
)

YES_NO_UNKNOWN: Final = (
    Choice(YES, Text("yes")),
    Choice(NO, Text("no")),
    Choice(UNKNOWN, Text("I do not know")),
)


def quality(_answers: Answers, context: Context) -> Question:
    """Ask in which quality the company acts."""
    return Question(
        "quality",
        Text("In which quality will the company use the channel?"),
        (
            Text(
                "A quality (Dutch: {word}) is the role in which a company acts. An account of ChaMan belongs to one; a "
                "company that acts in two has two accounts, and two profiles here: run init once for each.",
                word=named(labels.QUALITY, context.language),
            ),
            Text(
                "A vendor whose software sends for its customers under an agreement is a service provider; if each "
                "customer runs the software, each customer is an employer with an account of its own."
            ),
        ),
        (
            Choice("employer", Text("employer, for its own staff: {label}", label=_of("employer", context))),
            Choice(
                "secretariat", Text("social secretariat, for its clients: {label}", label=_of("secretariat", context))
            ),
            Choice("provider", Text("service provider, for its clients: {label}", label=_of("provider", context))),
            Choice(TRAINING_PROVIDER, Text("training provider: {label}", label=_of(TRAINING_PROVIDER, context))),
        ),
    )


def profile(answers: Answers, context: Context) -> Question:
    """Ask for the name of the profile."""

    def read(text: str) -> str:
        if _NAME.fullmatch(text) is None or text in _RESERVED:
            raise InvalidValueError(
                Message(
                    "profile-name-malformed", "must be a-z, then a-z, 0-9 and hyphens, 32 characters at most, not api"
                )
            )
        if text in context.profiles:
            raise InvalidValueError(
                Message("profile-exists", "there is a profile of that name in the configuration; choose another one")
            )
        return text

    wanted = answers["quality"]
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(context.profiles) + 3))]
    return Question(
        "profile",
        Text("What shall the profile be called?"),
        (
            Text(
                "A profile is one account of the channel. Its name is a part of the address that programs call: "
                "http://127.0.0.1:8480/NAME/REST/... Name it by its role rather than by the company, whose name may "
                "change."
            ),
        ),
        default=next(it for it in names if it not in context.profiles),
        read=read,
    )


def company(_answers: Answers, _context: Context) -> Question:
    """Ask for the company's name."""
    return Question(
        "company",
        Text("What is the name of the company?"),
        (Text("As the certificate shall have it: the manual asks for a certificate in the name of the enterprise."),),
        read=_company,
    )


def number(answers: Answers, _context: Context) -> Question:
    """Ask for the enterprise number."""
    lines = [Text("In any spelling, such as 0123.456.749 or BE0123456749. Its check digits are verified.")]
    if answers.get("quality") in MANDATARIES:
        lines.append(
            Text(
                "That of your own company, not of a client: the account is yours, and each call names the client's "
                "number."
            )
        )
    else:
        lines.append(
            Text(
                "In a group, that of the company that makes Dimona and DmfA for these workers: data go under its "
                "number. A company that is to send for the others of the group needs their mandates, as a service "
                "provider."
            )
        )
    return Question(
        "enterprise-number",
        Text("What is its enterprise number (KBO, BCE)?"),
        tuple(lines),
        read=enterprise_number,
    )


def known_employer(_answers: Answers, context: Context) -> Question:
    """Ask whether the company is known as an employer (4.1)."""
    return _done_already(
        "known-employer",
        Text(
            "Is the company known to the NSSO as an employer, {label}?", label=named(labels.EMPLOYER, context.language)
        ),
        Text(
            "A company that declares workers by Dimona or DmfA is. It has nothing to do with this program or with "
            "ChaMan yet."
        ),
        _NO_ADVICE,
    )


def registered(answers: Answers, context: Context) -> Question:
    """Ask whether the company is registered on the portal (4.2)."""
    return _done_already(
        "registered",
        Text("Is the company registered on the portal of the social security, with a {main}?", main=_main(context)),
        Text(
            "Since some years this is the name of the person who manages the access of all others. In the manual of "
            "2024, and in the memory of most people, it is the {old}: the same person.",
            old=named(labels.OLD_MANAGER, context.language),
        ),
        *((_NO_ADVICE,) if answers.get("quality") in MANDATARIES else ()),
    )


def chaman_access(_answers: Answers, context: Context) -> Question:
    """Ask whether the person has access to ChaMan (4.3)."""
    return _done_already(
        "chaman-access",
        Text("Can the person who will do the steps open ChaMan?"),
        Text(
            "It needs the right {right}. Without it the log-in succeeds and then the screen says {screen}: nothing is "
            "broken then, the right is missing, and the {main} gives it.",
            right=named(labels.CHAMAN_RIGHT, context.language),
            screen=named(labels.NO_ACCESS, context.language),
            main=_main(context),
        ),
    )


def sender(_answers: Answers, context: Context) -> Question:
    """Ask whether the sender exists (portal)."""
    return _done_already(
        "sender",
        Text("Has the company a {label} already?", label=named(labels.SENDER, context.language)),
        Text(
            "It is created at the first log-in to ChaMan, with one contact person, and has a number. A company that "
            "has sent files to the social security (DmfA by SFTP, for instance) has one."
        ),
    )


def quality_present(answers: Answers, context: Context) -> Question:
    """Ask whether the quality is there."""
    return _done_already(
        "quality-present",
        Text("Does ChaMan offer the quality {label} after the log-in?", label=_of(answers["quality"], context)),
        Text(
            "After the log-in one chooses a quality, if the company has several. One that is not in the list does not "
            "exist yet for this company: the {main} creates it. An account that was made in another quality will not "
            "do.",
            main=_main(context),
        ),
    )


def mandates(_answers: Answers, context: Context) -> Question:
    """Ask whether there are mandates (2.2.1)."""
    return _done_already(
        "mandates",
        Text("Have the clients given a {label} for the service?", label=named(labels.MANDATE, context.language)),
        Text(
            "Without an active one the API refuses declarations for that client; the account works all the same. It "
            "is made in {service}.",
            service=named(labels.MAHIS, context.language),
        ),
    )


def _done_already(name: str, text: Text, *explanation: Text) -> Question:
    return Question(name, text, explanation, YES_NO_UNKNOWN, default=UNKNOWN)


def _company(text: str) -> str:
    if not text or not text.isprintable() or len(text.encode()) > _LONGEST_COMPANY:
        raise InvalidValueError(
            Message(
                "company-name-malformed",
                "must be a name of 1 to {most} characters, as X.509 allows; a letter with an accent counts as two",
                most=_LONGEST_COMPANY,
            )
        )
    return text


def _of(value: str, context: Context) -> str:
    return named(labels.OF_QUALITY[value], context.language)


def _main(context: Context) -> str:
    return named(labels.MAIN_MANAGER, context.language)
