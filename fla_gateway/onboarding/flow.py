"""Rule: which question comes next, given the answers.

Owns the order of the questions and when each applies. Refuses to know their texts, to ask, and to keep answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fla_gateway.errors import InvalidValueError
from fla_gateway.i18n.message import Message
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding import channel_questions as channel
from fla_gateway.onboarding import company_questions as of_company
from fla_gateway.onboarding import place_questions as of_place
from fla_gateway.onboarding.question import YES, Answers, Context, Question

CLIENT_ID: Final = "client-id"
"""The one answer that only ChaMan can give: everything before it is asked first."""


def _in_earnest(answers: Answers, context: Context) -> bool:
    return not context.sandbox and answers.get("quality") != of_company.TRAINING_PROVIDER


def _employer(answers: Answers, context: Context) -> bool:
    return _in_earnest(answers, context) and answers.get("quality") == "employer"


def _mandatary(answers: Answers, context: Context) -> bool:
    return _in_earnest(answers, context) and answers.get("quality") in of_company.MANDATARIES


def _acceptance(answers: Answers, context: Context) -> bool:
    return _in_earnest(answers, context) and answers.get("environment") == channel.ACCEPTANCE


def _existing(answers: Answers, context: Context) -> bool:
    return _in_earnest(answers, context) and answers.get("account") == channel.EXISTING


def _key_there(answers: Answers, context: Context) -> bool:
    if not _in_earnest(answers, context):
        return False
    has_key = answers.get("account") == channel.EXISTING and answers.get("has-key") == YES
    return has_key or answers.get("key") == channel.TAKE


def _pem(answers: Answers, context: Context) -> bool:
    return _key_there(answers, context) and not is_pkcs12(answers.get("key-file", ""))


def _uploads(answers: Answers, context: Context) -> bool:
    return _in_earnest(answers, context) and channel.uploads(answers)


def _key_missing(answers: Answers, context: Context) -> bool:
    return _existing(answers, context) and answers.get("has-key") not in {None, YES}


def _programs(answers: Answers, context: Context) -> bool:
    return context.sandbox or _in_earnest(answers, context)


def _alerts(answers: Answers, context: Context) -> bool:
    return _in_earnest(answers, context) and not context.existing


def _alerts_wanted(answers: Answers, context: Context) -> bool:
    return _alerts(answers, context) and answers.get("alert-mail") != ""


def _not_in_sandbox(_answers: Answers, context: Context) -> bool:
    return not context.sandbox


def is_pkcs12(path: str) -> bool:
    """Return whether a key file is called as PKCS#12 files are."""
    return path.lower().endswith((".pfx", ".p12"))


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    build: Callable[[Answers, Context], Question]
    applies: Callable[[Answers, Context], bool]


_FLOW: Final = (
    _Entry("quality", of_company.quality, _not_in_sandbox),
    _Entry("profile", of_company.profile, _in_earnest),
    _Entry("company", of_company.company, _in_earnest),
    _Entry("enterprise-number", of_company.number, _in_earnest),
    _Entry("services", channel.services, _in_earnest),
    _Entry("environment", channel.environment, _in_earnest),
    _Entry("acceptance-access", channel.acceptance_access, _acceptance),
    _Entry("known-employer", of_company.known_employer, _employer),
    _Entry("registered", of_company.registered, _in_earnest),
    _Entry("chaman-access", of_company.chaman_access, _in_earnest),
    _Entry("sender", of_company.sender, _in_earnest),
    _Entry("quality-present", of_company.quality_present, _in_earnest),
    _Entry("mandates", of_company.mandates, _mandatary),
    _Entry("account", channel.account, _in_earnest),
    _Entry("has-key", channel.has_key, _existing),
    _Entry("without-key", channel.without_key, _key_missing),
    _Entry("key", channel.key, _uploads),
    _Entry("key-file", channel.key_file, _key_there),
    _Entry("key-password-file", channel.key_password_file, _key_there),
    _Entry("certificate-file", channel.certificate_file, _pem),
    _Entry("runs-on", of_place.runs_on, _in_earnest),
    _Entry("callers", of_place.callers, _programs),
    _Entry("alert-mail", of_place.alert_mail, _alerts),
    _Entry("alert-mailbox", of_place.alert_mailbox, _alerts_wanted),
    _Entry("mail-server", of_place.mail_server, _alerts_wanted),
    _Entry("page-language", of_place.page_language, _in_earnest),
    _Entry(CLIENT_ID, of_place.client_id, _in_earnest),
)

IDS: Final = tuple(entry.id for entry in _FLOW)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is settled by the answers that were given.

    Attributes:
        answers: to the questions that apply.
        faults: what is wrong with others that were given, by id.
        open: questions that have no answer; those behind the first one may still change with its answer.
    """

    answers: dict[str, str]
    faults: list[tuple[str, Message]]
    open: list[Question]

    @property
    def missing(self) -> list[Question]:
        """The open questions before the one that only ChaMan can answer."""
        return [question for question in self.open if question.id != CLIENT_ID]


def settle(given: Answers, context: Context, *, take_defaults: bool = False) -> Settled:
    """Read the answers that were given, and find the questions that are left.

    Args:
        given: as written; answers to questions that do not apply are ignored.
        context: what is known beside them.
        take_defaults: whether a question that has a default is answered by it.
    """
    settled = Settled({}, [], [])
    # With an answer for each open question, so that those behind it can be looked at.
    assumed: dict[str, str] = {}
    for entry in _FLOW:
        if not entry.applies(assumed, context):
            continue
        question = entry.build(assumed, context)
        answer = _answer(question, given, settled, take_defaults=take_defaults)
        if answer is not None:
            settled.answers[entry.id] = answer
        assumed[entry.id] = _assumed(question) if answer is None else answer
    return settled


def next_question(given: Answers, context: Context) -> Question | None:
    """Return the first question that applies and has no answer; None if there is none."""
    return next(iter(settle(given, context).open), None)


def _answer(question: Question, given: Answers, settled: Settled, *, take_defaults: bool) -> str | None:
    """Return the answer to a question, or None and note why there is none."""
    if question.id in given:
        try:
            return question.answer(given[question.id])
        except InvalidValueError as error:
            settled.faults.append((question.id, error.message))
            return None
    if take_defaults and question.default is not None:
        return question.default
    settled.open.append(question)
    return None


def _assumed(question: Question) -> str:
    if question.default is not None:
        return question.default
    return question.choices[0].value if question.choices else ""
