"""Rule: the questions about the place: where the gateway runs, which programs call, who hears of trouble, and the end.

Owns their texts. Refuses to know their order (`flow`).
"""

from __future__ import annotations

import re
from typing import Final

from fla_gateway.config.rules.example_values import EXAMPLE_CLIENT
from fla_gateway.config.values.address import TcpAddress, parse_listen
from fla_gateway.config.values.constraints import MAIL_ADDRESS, NAME_PATTERN
from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.onboarding import labels
from fla_gateway.onboarding.labels import named
from fla_gateway.onboarding.question import Answers, Choice, Context, Question

WINDOWS: Final = "windows"
ADMIN: Final = "admin"
"""How the file with the key of the status page is called."""
_NAME: Final = re.compile(NAME_PATTERN)
_SUBMISSION: Final = 587
"""The port of mail servers that take mails of programs (RFC 6409)."""
_CLIENT_ID: Final = re.compile(r"[\x21-\x7e]+")
PAGE_LANGUAGES: Final = ("nl", "fr", "en")


def runs_on(_answers: Answers, _context: Context) -> Question:
    """Ask where the gateway will run."""
    return Question(
        "runs-on",
        Text("Where will the gateway run?"),
        (Text("It decides what is said at the end; the configuration is the same, and can be moved as a folder."),),
        (
            Choice("here", Text("on this machine, in a terminal for now")),
            Choice("systemd", Text("on a Linux machine, as a service of systemd")),
            Choice("compose", Text("in containers, by docker compose")),
            Choice("kubernetes", Text("in Kubernetes, beside the program that calls")),
            Choice(WINDOWS, Text("on Windows: not yet, it needs a Linux machine that the programs can reach")),
        ),
        default="here",
    )


def callers(_answers: Answers, context: Context) -> Question:
    """Ask which programs will call."""
    lines = [
        Text(
            "Each gets a key of its own and may do what the services need, and nothing more; every other client is "
            "refused. Names of a-z, 0-9 and hyphens, several with commas: payroll, timeclock."
        )
    ]
    if context.callers:
        lines.append(
            Text(
                "The configuration has: {known}. One of these keeps its key; what it may do is then a line that you "
                "put in.",
                known=", ".join(sorted(context.callers)),
            )
        )
    return Question(
        "callers", Text("Which programs will call?"), tuple(lines), many=True, default="payroll", read=_caller
    )


def alert_mail(_answers: Answers, _context: Context) -> Question:
    """Ask for the person who hears of trouble."""
    return Question(
        "alert-mail",
        Text("Which mail address of a person shall hear of trouble, such as a certificate that ends?"),
        (Text("Nothing, to leave alerts out for now."),),
        default="",
        read=_mail,
    )


def alert_mailbox(_answers: Answers, _context: Context) -> Question:
    """Ask for an address that outlives the person."""
    return Question(
        "alert-mailbox",
        Text("And which address that is not one person's, such as it@company.example?"),
        (Text("A certificate ends in years: by then the person may be elsewhere, and no one would read the warning."),),
        default="",
        read=_mail,
    )


def mail_server(_answers: Answers, _context: Context) -> Question:
    """Ask for the server that takes the mails."""
    return Question(
        "mail-server",
        Text("Which mail server takes them (host, or host:port)?"),
        (
            Text(
                "That of the company's own network. Nothing, if you do not know: the place is marked in the "
                "configuration."
            ),
        ),
        default="",
        read=_mail_server,
    )


def page_language(_answers: Answers, context: Context) -> Question:
    """Ask for the language of the person at ChaMan."""
    return Question(
        "page-language",
        Text("In which language shall the page for the person at ChaMan be?"),
        (Text("What is on the screens is quoted in Dutch in all of them, as the manual has it."),),
        (
            Choice("nl", Text("Dutch")),
            Choice("fr", Text("French")),
            Choice("en", Text("English")),
        ),
        default=context.language if context.language in PAGE_LANGUAGES else "en",
    )


def client_id(_answers: Answers, context: Context) -> Question:
    """Ask for the client id, which ChaMan shows."""
    return Question(
        "client-id",
        Text("What {label} does ChaMan show?", label=named(labels.CLIENT_ID, context.language)),
        (
            Text(
                "All letters and digits; it usually begins with self_service_. It is no secret. Nothing, to stop here "
                "and go on when it has come."
            ),
        ),
        read=_client_id,
    )


def _caller(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise InvalidValueError(
            Message("caller-name-malformed", "must be names of a-z, then a-z, 0-9 and hyphens, 32 characters at most")
        )
    if text == ADMIN:
        raise InvalidValueError(
            Message("caller-name-taken", "must not be admin: the key of the status page is called so")
        )
    return text


def _mail(text: str) -> str:
    if text and MAIL_ADDRESS.fullmatch(text) is None:
        raise InvalidValueError(
            Message("mail-address-malformed", "must be one mail address, such as it@company.example")
        )
    return text


def _mail_server(text: str) -> str:
    if not text:
        return text
    with_port = text if text.rpartition(":")[2].isdigit() else f"{text}:{_SUBMISSION}"
    try:
        address = parse_listen(with_port)
    except InvalidValueError:
        address = None
    if not isinstance(address, TcpAddress) or not address.port:
        raise InvalidValueError(Message("answer-no-mail-server", "must be a host, or a host and a port"))
    return with_port


def _client_id(text: str) -> str:
    if _CLIENT_ID.fullmatch(text) is None:
        raise InvalidValueError(Message("client-id-malformed", "must be letters, digits and signs, without blanks"))
    if text == EXAMPLE_CLIENT:
        raise InvalidValueError(
            Message("client-id-of-example", "is the client id of the manual's example; ChaMan shows yours")
        )
    return text
