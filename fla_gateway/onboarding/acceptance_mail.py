"""Rule: the draft of the mail that asks for access to the acceptance environment (manual, 5.3).

Owns its text and both spellings of the address. Refuses to send it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.keys.certificates.enterprise_number import shown as shown_number
from fla_gateway.onboarding import labels
from fla_gateway.onboarding.chaman_steps import ACCEPTANCE_CHAMAN, rights_of
from fla_gateway.onboarding.channel_questions import ACCEPTANCE
from fla_gateway.onboarding.preparations import ACCEPTANCE_ACCESS
from fla_gateway.onboarding.question import YES, Answers

AS_IN_THE_MANUAL: Final = "ContactCenter@support.eraanova.fgov.be"
AS_ELSEWHERE: Final = "ContactCenter@support.eranova.fgov.be"


def is_needed(answers: Answers) -> bool:
    """Return whether access to acceptance is to be asked for."""
    return answers.get("environment") == ACCEPTANCE and answers.get("acceptance-access") != YES


def draft(answers: Answers, language: str) -> Iterator[Text]:
    """Write the mail, with what has to be known before it is sent.

    Args:
        answers: complete but for the client id.
        language: of the reader.
    """
    yield Text("A draft: nothing was sent. Acceptance is not open by default; the company is admitted on request.")
    yield Text(
        "The address is unverified. The manual writes {manual}, which looks misspelt; elsewhere the same name is "
        "written {other}. Ask the contact center by telephone if both come back.",
        manual=AS_IN_THE_MANUAL,
        other=AS_ELSEWHERE,
    )
    yield Text("To: {address}", address=AS_IN_THE_MANUAL)
    yield Text("Or: {address}", address=AS_ELSEWHERE)
    yield Text("Subject: access to the acceptance environment of the REST channel, {number}", number=_number(answers))
    yield Text(
        "We would like to test our connection to the REST channel in the acceptance environment, and ask for access "
        "to it for our company:"
    )
    yield Text("  Company: {company}", company=answers["company"])
    yield Text("  Enterprise number: {number}", number=_number(answers))
    yield Text("  Quality: {quality}", quality=labels.named(labels.OF_QUALITY[answers["quality"]], language))
    yield Text("  Services: {services}", services=", ".join(it.nl for it in rights_of(answers)) or answers["services"])
    yield Text(
        "We need ChaMan ({chaman}) and Toegangsbeheer ({access}) there. Please let us know when the company is "
        "admitted, and where we can ask questions.",
        chaman=ACCEPTANCE_CHAMAN,
        access=ACCEPTANCE_ACCESS,
    )


def _number(answers: Answers) -> str:
    return shown_number(answers["enterprise-number"])
