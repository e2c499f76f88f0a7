"""What a running gateway answered to an action, as a person or a program reads it, with the exit code.

Owns words and codes. Refuses to ask the gateway; `admin_request` does.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from fla_gateway.cli.exit_codes import FINDINGS, INTERNAL, UNAVAILABLE, WELL, WRONG_USE
from fla_gateway.cli.options.admin_client import KEY_VARIABLE
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import position_of
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.options.admin_client import AdminTarget
    from fla_gateway.cli.remote.admin_request import Answer

_PERMITTED: Final = frozenset((200, 202))
_UNABLE: Final = frozenset((404, 503))
"""There is no such action in this version, or the gateway is ending."""
_REFUSED: Final = frozenset((400, 405, 413, 422))
_FAILED: Final = 500
_HOW_TO_GIVE_THE_KEY: Final = Text(
    "This command takes the key from {option} FILE, or from the variable {variable}.",
    option="--admin-key-file",
    variable=KEY_VARIABLE,
)


def act(arguments: argparse.Namespace, path: str, done: Text, *, as_json: bool = False) -> int:
    """Ask the gateway that the arguments mean, print what it answered, and return the exit code.

    Args:
        arguments: of a command with `add_config` and `add_admin`.
        path: of the admin listener.
        done: what is printed of an answer that says yes.
        as_json: print the answer as it is.
    """
    answer = ask_or_explain(warned_target(arguments), "POST", path)
    return answer if isinstance(answer, int) else print_answer(answer, done, as_json=as_json)


def warned_target(arguments: argparse.Namespace) -> AdminTarget:
    """Find out where the gateway is, and print who else can get at the file of the key."""
    from fla_gateway.cli.options.admin_client import target_of  # noqa: PLC0415 - `--help` need not know

    target = target_of(arguments)
    for warning in target.warnings:
        complain(Text("warning: --admin-key-file: {warning}", warning=warning))
    return target


def ask_or_explain(
    target: AdminTarget, method: str, path: str, document: Mapping[str, object] | None = None
) -> Answer | int:
    """Return the gateway's answer; without one, print the reason and return the exit code.

    Args:
        target: where the gateway is, and with which key.
        method: of HTTP.
        path: of the admin listener.
        document: sent as JSON; None sends no body.
    """
    from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError  # noqa: PLC0415 - as above
    from fla_gateway.cli.remote.admin_request import ask  # noqa: PLC0415 - as above

    try:
        return ask(target, method, path, document)
    except NoGatewayError as error:
        complain(error.text)
        return UNAVAILABLE
    except NotSentError as error:
        complain(error.text)
        return FINDINGS


def print_answer(answer: Answer, done: Text, *, as_json: bool = False) -> int:
    """Print what the gateway answered, and return the exit code.

    Args:
        answer: of the admin listener.
        done: what is printed of an answer that says yes.
        as_json: print the document as it is.
    """
    if as_json:
        print(json.dumps(answer.document, indent=2))
    elif answer.status in _PERMITTED:
        print("\n".join([*_facts(answer.document, done), *_whose(answer)]))
    else:
        complain("\n".join(_problem(answer.document)))
    return _code(answer.status)


def report_refusal(answer: Answer) -> int:
    """Print the problem that the gateway answered with, and return the exit code."""
    complain("\n".join(_problem(answer.document)))
    return _code(answer.status)


def _code(status: int) -> int:
    if status in _PERMITTED:
        return WELL
    if status in _UNABLE:
        return UNAVAILABLE
    if status in _REFUSED:
        return WRONG_USE
    return INTERNAL if status >= _FAILED else FINDINGS


def _facts(document: Mapping[str, Any], done: Text) -> Iterator[str]:
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    generation = document.get("generation")
    if generation is None:
        yield shown(done)
    else:
        yield shown(Text("{done}; generation {generation} serves", done=done, generation=str(generation)))
    if generation is None:
        return
    changes = [it for it in _listed(document, "changes") if isinstance(it, dict)]
    for one in changes:
        yield f"  {printable(str(one.get('change'))):<8} {printable(str(one.get('path')))}"
    if not changes:
        yield "  " + shown(Text("nothing differs from what is in force"))


def _whose(answer: Answer) -> Iterator[str]:
    """Name the user that answered, where it is neither root nor the one who asks: that is for a person to judge."""
    if answer.uid is not None and answer.uid not in {0, os.geteuid()}:
        yield shown(Text("answered by a process of user {uid}", uid=str(answer.uid)))


def _problem(document: Mapping[str, Any]) -> Iterator[str]:
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    faults = [it for it in _listed(document, "faults") if isinstance(it, dict)]
    for fault in faults:
        yield printable(_fault(fault))
    if not faults:
        code = str(document.get("type", "")).rpartition(":")[2]
        yield f"{printable(code)}: {printable(str(document.get('detail', document.get('title', ''))))}"
        if code.startswith("credentials-"):
            # The gateway's own words are for browsers and other programs.
            yield shown(_HOW_TO_GIVE_THE_KEY)


def _fault(members: Mapping[str, Any]) -> str:
    """Write a fault as `errors.Fault` does; it is in the gateway's words already."""
    cure = str(members.get("cure", ""))
    where = position_of(str(members.get("file", "")), members.get("line"), str(members.get("path", "")))
    return f"{where}: {members.get('message', '')}" + (f" ({cure})" if cure else "")


def _listed(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else []
