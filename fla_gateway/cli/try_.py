"""`fla-gateway try`: one call through the running gateway, or without one, and all that can be said of it.

Owns the arguments, the question before a change of real data, and the exit code. Refuses to repeat a call.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, UNAVAILABLE, WELL
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.cli.trial.call import Call
    from fla_gateway.cli.trial.trial import Trial
    from fla_gateway.profiles import Profile
    from fla_gateway.runtime.composition.resolved_config import Configured

SUMMARY: Final = Text("make one call, and show request, answer, times and trace ids")
DESCRIPTION: Final = Text(
    """\
Make one call of a profile through the running gateway, and show request, answer, where the time went, the trace ids,
and the same call for curl. The caller's key is read from --key-file or from the variable FLAGW_KEY. Nothing is ever
sent twice, and no redirect is followed. The body comes from a file or standard input, since other users can read
arguments.

This is a real call: in production a method other than GET, HEAD and OPTIONS asks first, unless --yes is there.

With --direct the call goes to the API itself with a token of its own, for GET and HEAD alone; no gateway is needed.

Exit code 0: an answer below 400; 1: another one, or no token, or the key would go to another user's process; 2: wrong
use, or a faulty configuration; 69: no gateway answers, or its answer did not come.

examples:
  fla-gateway try employer GET /REST/dimona/v2/declarations/123 --key-file payroll.key
  fla-gateway try employer POST /REST/dimona/v2/declarations -d @declaration.json
  fla-gateway try employer GET /REST/dimona/v2/declarations/123 --json | jq .timing
  fla-gateway try employer HEAD /REST/dimona/v2/declarations/123 --direct"""
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("profile", metavar="PROFILE", help=Text("name of the profile"))
    parser.add_argument("method", metavar="METHOD", help=Text("GET, POST ..."))
    parser.add_argument("path", metavar="PATH", help=Text("path and query as in the manual of the API, from /REST/ on"))
    parser.add_argument(
        "-d", "--data", metavar="FILE", help=Text("file with the body, with or without @; - for standard input")
    )
    parser.add_argument(
        "--content-type", metavar="TYPE", help=Text("of the body (default: application/json, if it is JSON)")
    )
    parser.add_argument(
        "-H", "--header", metavar="FIELD", action="append", default=[], help=Text("a further field, as NAME: VALUE")
    )
    parser.add_argument(
        "--key-file", metavar="FILE", type=Path,
        help=Text("file with the caller's key (default: the variable {variable}, or none)", variable="FLAGW_KEY"),
    )  # fmt: skip
    parser.add_argument("--direct", action="store_true", help=Text("without a gateway; GET and HEAD alone"))
    parser.add_argument("--yes", action="store_true", help=Text("do not ask before a change in production"))
    parser.add_argument("--json", action="store_true", help=Text("print everything as JSON"))
    add_config(parser)
    parser.add_argument(
        "--gateway", metavar="ADDRESS",
        help=Text("where callers call, instead of that of --config: http://HOST:PORT, https://HOST:PORT or unix:PATH"),
    )  # fmt: skip
    parser.add_argument(
        "--gateway-ca-file", metavar="FILE", type=Path,
        help=Text("roots for the certificate of that listener (default: the system's)"),
    )  # fmt: skip
    add_admin(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the call and print."""
    from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError  # noqa: PLC0415 - `--help` need not know
    from fla_gateway.cli.trial.trial_json import document  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.trial_text import lines  # noqa: PLC0415 - as above
    from fla_gateway.errors import ProblemError  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    found = _configured(arguments)
    call = _call(arguments, found[1] if found else None)
    try:
        trial = _direct(arguments, found, call) if arguments.direct else _through(arguments, found, call)
    except NoGatewayError as error:
        complain(error.text)
        return UNAVAILABLE
    except NotSentError as error:
        complain(error.text)
        return FINDINGS
    except ProblemError as error:
        complain(f"{error.code}: {printable(shown(error.detail))}")
        return FINDINGS
    if trial is None:
        return FINDINGS
    if arguments.json:
        print(json.dumps(document(trial), indent=2))
    else:
        print("\n".join(_printable(line) for line in lines(trial)))
    return WELL if trial.is_well else FINDINGS


def _printable(line: str) -> str:
    """Say a line in the language of the command; what came from outside has no power over a terminal."""
    text = shown(line)
    return text if text.isprintable() else "".join(it if it.isprintable() or it == "\t" else "?" for it in text)


def _configured(arguments: argparse.Namespace) -> tuple[Configured, Profile] | None:
    """Read the configuration, and find the profile; None where --gateway makes it needless.

    Raises:
        ConfigurationError: it is faulty, or has no such profile.
    """
    from fla_gateway.observe.logs import event_log  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above

    if arguments.gateway is not None and arguments.config is None and not arguments.direct:
        return None
    configured = read(config_of(arguments))
    # Otherwise events would go to standard output.
    event_log.configure(configured.settings.configuration.log)
    for profile in configured.profiles:
        if profile.name == arguments.profile:
            return configured, profile
    from fla_gateway.cli.mistyped import unknown_profile  # noqa: PLC0415 - rarely needed

    raise unknown_profile(arguments.profile, (profile.name for profile in configured.profiles))


def _call(arguments: argparse.Namespace, profile: Profile | None) -> Call:
    from fla_gateway.cli.trial.call import read_call  # noqa: PLC0415 - as above

    return read_call(
        arguments.profile,
        arguments.method,
        arguments.path,
        arguments.header,
        body=arguments.data,
        content_type=arguments.content_type,
        api=None if profile is None else profile.upstream.authority,
    )


def _through(arguments: argparse.Namespace, found: tuple[Configured, Profile] | None, call: Call) -> Trial | None:
    """Make the call through the gateway; None where a person did not agree to it."""
    from fla_gateway.access.authentication.api_key import digest, key_id  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial import curl_line  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.caller_listener import KEY_VARIABLE, caller_listener  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.gateway_record import recorded  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.through_gateway import send  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.trial import Trial  # noqa: PLC0415 - as above
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above

    listener = caller_listener(arguments, found[0].settings.configuration if found else None)
    key = listener.target.key
    for warning in listener.target.warnings:
        complain(Text("warning: --key-file: {warning}", warning=warning))
    if not _agreed(arguments, call, None if found is None else found[1].production):
        return None
    response, phases = send(listener.target, listener.prefix + call.target, call)
    ended = SystemClock().wall()
    named = curl_line.of_variable(KEY_VARIABLE)
    credential = curl_line.of_key_file(listener.key_file) if listener.key_file else named
    url = listener.base + call.target
    return Trial(
        profile=arguments.profile,
        call=call,
        url=url,
        credential="" if key is None else f"X-Api-Key: [key {key_id(digest(key.reveal()))}]",
        response=response,
        phases=phases,
        recorded=recorded(arguments, call.trace, ended) if found or arguments.admin else None,
        curl=curl_line.curl_line(
            call, url, credential="" if key is None else credential, socket=listener.socket,
            ca_file=arguments.gateway_ca_file,
        ),
    )  # fmt: skip


def _direct(arguments: argparse.Namespace, found: tuple[Configured, Profile] | None, call: Call) -> Trial:
    """Make the call without a gateway.

    Raises:
        ConfigurationError: the method may change something, or an option is one of the gateway's.
    """
    from fla_gateway.cli.trial import curl_line  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.directly import PERMITTED, call_directly  # noqa: PLC0415 - as above
    from fla_gateway.cli.trial.trial import Trial  # noqa: PLC0415 - as above

    assert found is not None  # noqa: S101 - for the type: --direct always reads the configuration
    configured, profile = found
    if call.method not in PERMITTED or call.body is not None:
        message = Message("direct-method-refused", "is for GET and HEAD alone, without a body")
        cure = Text("make the call through the gateway, whose journal then has it")
        raise ConfigurationError((Fault("--direct", message, cure),))
    if arguments.gateway is not None or arguments.key_file is not None:
        message = Message("direct-with-gateway", "goes past the gateway, so it takes neither --gateway nor --key-file")
        raise ConfigurationError((Fault("--direct", message),))
    response, phases = call_directly(configured, profile, call)
    url = f"https://{profile.upstream.authority}{call.target}"
    line = curl_line.curl_line(
        call, url, credential=curl_line.of_token(profile.name, arguments.config), ca_file=profile.upstream.ca_file
    )
    shown_token = "Authorization: Bearer [token]"  # noqa: S105 - in the place of one
    return Trial(profile.name, call, url, shown_token, response, phases, None, line, direct=True)


def _agreed(arguments: argparse.Namespace, call: Call, production: bool | None) -> bool:  # noqa: FBT001 - or not known
    """Ask before something is changed in production; without a terminal only ``--yes`` agrees."""
    if production is False or not call.changes or arguments.yes:
        return True
    if production:
        what = Text("{method} {path} changes real data in production.", method=call.method, path=call.target)
    else:
        what = Text("{method} {path} may change real data: without --config it is not known where.", method=call.method,
                    path=call.target)  # fmt: skip
    if not (sys.stdin and sys.stdin.isatty()) or call.body_name == "-":
        complain(Text("{what} Nothing was sent; --yes sends it.", what=what))
        return False
    print(shown(Text("{what} Send it? [y/N]", what=what)), end=" ", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in {"y", "yes", "j", "ja", "o", "oui"}:
        return True
    complain(Text("Nothing was sent."))
    return False
