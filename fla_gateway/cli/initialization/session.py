"""The order of `fla-gateway init` (root): answers, key and page, client id, configuration, check, one call.

Owns what comes after what, and where it stops. Refuses to know questions, files and how they look.
"""

from __future__ import annotations

import argparse
from typing import Final, Literal

from fla_gateway.cli.exit_codes import FINDINGS, INTERRUPTED
from fla_gateway.cli.initialization import closing, terminal
from fla_gateway.cli.initialization.given import FILES, given_answers, is_readable, kept_answers, placed
from fla_gateway.cli.initialization.terminal import say, say_all
from fla_gateway.cli.initialization.written_files import (
    make_caller_keys,
    plan_of,
    prepare_upload,
    write_configuration,
    write_page,
)
from fla_gateway.cli.output.language import language, shown
from fla_gateway.errors import ConfigurationError, Fault, UnusableKeyError
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding.channel_questions import makes_key
from fla_gateway.onboarding.company_questions import TRAINING_PROVIDER
from fla_gateway.onboarding.config_writer import further_file, whole_file
from fla_gateway.onboarding.flow import CLIENT_ID, Settled, settle
from fla_gateway.onboarding.folder import Folder
from fla_gateway.onboarding.labels import Label, named
from fla_gateway.onboarding.place_questions import ADMIN, client_id
from fla_gateway.onboarding.preparations import preparation
from fla_gateway.onboarding.question import Answers, Context, several
from fla_gateway.onboarding.repealed import FEDERAL_LEARNING_ACCOUNT, FOR_OTHERS, FOR_TRAINING_PROVIDERS

_TAKE_DEFAULTS: Final = Text("give them as flags or in --answers; --yes takes the defaults of those that have one")


@dataclass(frozen=True, slots=True)
class Session:
    """One run.

    Attributes:
        arguments: of the command.
        folder: where it works.
        context: what is known beside the answers.
        given: every answer so far, as written; it grows.
    """

    arguments: argparse.Namespace
    folder: Folder
    context: Context
    given: dict[str, str]

    def settle(self) -> Settled:
        """Read the answers so far.

        Raises:
            ConfigurationError: one of them is none.
        """
        settled = settle(self.given, self.context, take_defaults=self.arguments.yes)
        if settled.faults:
            raise ConfigurationError(tuple(Fault(f"--{name}", message) for name, message in settled.faults))
        return settled

    def save(self, answers: Answers) -> None:
        """Keep the answers, as soon as the profile has a name."""
        if "profile" in answers:
            self.folder.save(answers)


def lead(arguments: argparse.Namespace) -> int:
    """Lead through everything that is not done yet.

    Raises:
        ConfigurationError: an answer is none, or missing without a terminal.
    """
    session = _begin(arguments)
    try:
        return _go_on(session)
    except KeyboardInterrupt:
        terminal.line()
        say(Text("Left. Started again in the same folder, it goes on here:"))
        terminal.line(f"  {closing.command(session.folder)}")
        return INTERRUPTED


def _begin(arguments: argparse.Namespace) -> Session:
    folder = Folder(arguments.directory.absolute())
    folder.prepare()
    given = given_answers(arguments)
    saved = folder.saved()
    done = [name for name in saved if folder.is_configured(name)]
    kept = kept_answers(saved, given, done)
    own = kept.get("profile", "")
    context = Context(
        language=language(),
        profiles=folder.names("profiles") - {own},
        callers=folder.names("callers") if own not in folder.names("profiles") else frozenset(),
        existing=folder.configuration.exists() and own not in folder.names("profiles"),
    )
    if kept:
        file = str(folder.answers_file(own))
        say(Text("Going on with the profile {name}; its answers are in {file}.", name=own, file=file))
    elif done:
        _say_done(done)
    return Session(arguments, folder, context, {**kept, **given})


def _go_on(session: Session) -> int:
    answers = _complete(session)
    if answers is None:
        say_all(FOR_TRAINING_PROVIDERS)
        return FINDINGS
    folder = session.folder
    session.save(answers)
    answers, is_new = _upload(session, answers)
    if is_new and makes_key(answers):
        terminal.line()
        say(Text("Key and certificate are made; the private key is in {folder}.", folder=folder.path / "secrets"))
    if not folder.is_configured(answers["profile"]):
        write_page(folder, answers)
        answers = _with_client_id(session, answers)
        if CLIENT_ID not in answers:
            closing.wait_for_client_id(folder, answers)
            return FINDINGS
        _configure(session, answers)
    doctor: Literal["yes", "no", "ask"] = (
        "yes" if session.arguments.doctor else "no" if session.arguments.yes else "ask"
    )
    return closing.finish(Folder(folder.path), answers, doctor_too=doctor)


def _upload(session: Session, answers: Answers) -> tuple[Answers, bool]:
    """Put the certificate for ChaMan into its folder; where a person named files that will not do, ask for others.

    Returns:
        The answers, and whether the certificate is new there.

    Raises:
        UnusableKeyError: the key that is there cannot be read, and there is no terminal.
    """
    while True:
        try:
            return answers, prepare_upload(session.folder, answers)
        except UnusableKeyError as error:
            if not terminal.is_there() or session.arguments.yes:
                raise
            terminal.line()
            say(error.text)
        for name in FILES:
            session.given.pop(name, None)
        answers = _ask_all(session) or answers


def _complete(session: Session) -> Answers | None:
    """Get every answer but the client id; None where there is nothing to configure.

    Raises:
        ConfigurationError: something is missing, and there is no terminal.
    """
    settled = session.settle()
    if settled.answers.get("quality") == TRAINING_PROVIDER:
        return None
    if not terminal.is_there():
        if settled.missing:
            names = ", ".join(f"--{question.id}" for question in settled.missing)
            message = Message(
                "answers-missing", "there is no terminal to ask for what is missing: {names}", names=names
            )
            raise ConfigurationError((Fault("", message, _TAKE_DEFAULTS),))
        return settled.answers
    if settled.missing:
        say(terminal.INTRODUCTION)
    return _ask_all(session)


def _ask_all(session: Session) -> Answers | None:
    asked: list[str] = []
    while (settled := session.settle()).missing:
        question = settled.missing[0]
        answer = terminal.ask(question)
        if answer == terminal.BACK:
            if asked:
                session.given.pop(asked.pop(), None)
            continue
        value = placed(question.id, str(answer))
        if question.id in FILES and value and not is_readable(value):
            say(Text("There is no file {path} that can be read here.", path=value), "    ")
            continue
        session.given[question.id] = value
        asked.append(question.id)
        answers = session.settle().answers
        if answers["quality"] == TRAINING_PROVIDER:
            return None
        session.save(answers)
        _advise(question.id, answers)
    return settled.answers


def _advise(question: str, answers: Answers) -> None:
    """Say what follows from an answer."""

    def name(label: Label) -> str:
        return named(label, language())

    found = preparation(question, answers, name)
    if found is not None:
        terminal.line()
        say_all((found.title, *found.lines), "    ")
    if question == "services" and FEDERAL_LEARNING_ACCOUNT in several(answers, "services"):
        terminal.line()
        say_all(FOR_OTHERS, "    ")


def _with_client_id(session: Session, answers: Answers) -> Answers:
    """Get the client id if it can be had now."""
    if CLIENT_ID not in answers and terminal.is_there():
        closing.show_page(session.folder, answers)
        answer = terminal.ask(client_id(answers, session.context), optional=True)
        if answer not in {None, terminal.BACK}:
            session.given[CLIENT_ID] = str(answer)
    answers = session.settle().answers
    session.save(answers)
    return answers


def _configure(session: Session, answers: Answers) -> None:
    """Make the keys of callers and write the configuration."""
    folder, context = session.folder, session.context
    new = [name for name in several(answers, "callers") if name not in context.callers]
    digests = make_caller_keys(folder, new, further=() if context.existing else (ADMIN,))
    plan = plan_of(folder, answers, {name: digests[name] for name in new}, digests.get(ADMIN, ""))
    text = further_file(plan, shown) if context.existing else whole_file(plan, shown)
    path = write_configuration(folder, plan.profile, text)
    terminal.line()
    say(Text("The configuration is written: {path}", path=path))
    if context.existing:
        say(Text("{path} is yours and was not changed.", path=folder.configuration))


def _say_done(done: list[str]) -> None:
    for name in done:
        say(
            Text(
                "The profile {name} is configured here; `fla-gateway init --profile {name}` checks it again. What "
                "follows is for a further one.",
                name=name,
            )
        )
