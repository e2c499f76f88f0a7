"""Adapter: the answers that were given at once, by flags and by a file, and those that were kept.

Owns which of them counts. Refuses to ask.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.onboarding.flow import IDS
from fla_gateway.onboarding.folder import read_answers
from fla_gateway.onboarding.question import Answers

FILES: Final = frozenset(("key-file", "key-password-file", "certificate-file"))
"""Questions for files that are there."""


def given_answers(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the answers of the file, and over them those of the flags.

    Raises:
        ConfigurationError: the file cannot be read, or has an answer to no question.
    """
    given: dict[str, str] = {}
    if arguments.answers is not None:
        given = read_answers(arguments.answers)
        faults = [
            Fault(name, Message("answer-to-no-question", "answers no question"), _near(name), str(arguments.answers))
            for name in given
            if name not in IDS
        ]
        if faults:
            raise ConfigurationError(tuple(faults))
    flags = {name: getattr(arguments, name.replace("-", "_")) for name in IDS}
    given |= {name: value for name, value in flags.items() if value is not None}
    return {name: placed(name, value) for name, value in given.items()}


def placed(name: str, value: str) -> str:
    """Write the path of a file from the root, so that an answer means the same wherever `init` goes on.

    Args:
        name: id of the question.
        value: the answer; `~` is the user's own folder.
    """
    if name not in FILES or not value:
        return value
    path = Path(value)
    with suppress(RuntimeError):  # ~user, and there is no such user: then it is the name of a file
        path = path.expanduser()
    return str(path.absolute())


def is_readable(path: str) -> bool:
    """Return whether there is such a file, which this user may read."""
    return Path(path).is_file() and os.access(path, os.R_OK)


def kept_answers(saved: dict[str, dict[str, str]], given: Answers, done: Iterable[str]) -> dict[str, str]:
    """Choose the answers that are taken up: those of the profile that is named, or of the one that is not finished.

    Args:
        saved: the answers of each profile that was begun.
        given: see `given_answers`.
        done: names of profiles that are configured.

    Raises:
        ConfigurationError: several are not finished, and none is named.
    """
    if "profile" in given:
        return saved.get(given["profile"], {})
    finished = frozenset(done)
    begun = {
        name: answers
        for name, answers in saved.items()
        if name not in finished and given.get("quality", answers.get("quality")) == answers.get("quality")
    }
    if len(begun) > 1:
        message = Message("several-begun", "several profiles were begun here: {names}", names=", ".join(begun))
        raise ConfigurationError((Fault("--profile", message, Text("name the one to go on with")),))
    return next(iter(begun.values()), {})


def _near(name: str) -> Text:
    near = get_close_matches(name, IDS, n=1)
    return Text("did you mean {name}?", name=near[0]) if near else NOTHING
