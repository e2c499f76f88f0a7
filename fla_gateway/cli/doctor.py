"""`fla-gateway doctor`: why does a profile not work, and whose fault is it?

Owns what is shown of a diagnosis. Refuses to check anything itself, and to send the report that it writes.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import FINDINGS, WELL, WRONG_USE
from fla_gateway.cli.language_option import LANGUAGES
from fla_gateway.cli.options.admin_client import add_admin
from fla_gateway.cli.options.config_option import add_config, config_of
from fla_gateway.cli.output.language import shown
from fla_gateway.errors import ConfigurationError, Fault, reason_of
from fla_gateway.i18n.message import Message, Text, joined

if TYPE_CHECKING:  # heavy; `--help` must not wait for it
    from fla_gateway.diagnosis.findings import Check
    from fla_gateway.profiles import Profile
    from fla_gateway.runtime.composition.diagnosis import Diagnosis
    from fla_gateway.runtime.composition.resolved_config import Configured

SUMMARY: Final = Text("find out why a profile does not work, and whose fault it is")
DESCRIPTION: Final = Text(
    """\
Check a profile step by step: files and key on this machine, the way to the token server, one token, the way to the API.
It stops at the first fatal finding of a branch, says what was thereby ruled out, and never names a cause that a check
has excluded. One token is asked for, unless the running gateway waits after failures; the token is not kept, and no API
is called.

With --share a report for a vendor or a help desk is written and shown, in the language that --share-lang names; nothing
sends it. It holds what is on a list of permitted members: no key, token or signature, no path, no address of your
network.

Exit code 0: nothing found; 1: a warning or a fatal finding; 2: wrong use, or the configuration cannot be read.

examples:
  fla-gateway doctor
  fla-gateway doctor employer
  fla-gateway doctor employer --json | jq '.profiles[].checks[] | select(.verdict == "fatal")'
  fla-gateway doctor employer --share report.txt"""
)

_MOST: Final = 24
"""Profiles that are diagnosed without being named: each asks for a token."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "profile", metavar="PROFILE", nargs="?", help=Text("name of the profile (default: every profile)")
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help=Text("print every check as JSON"))
    parser.add_argument("--share", metavar="FILE", type=Path, help=Text("write a report for a help desk, and show it"))
    parser.add_argument(
        "--share-lang",
        choices=LANGUAGES,
        help=Text("language of the help desk that reads the report (default: that of the command)"),
    )
    add_admin(parser)


def run(arguments: argparse.Namespace) -> int:
    """Diagnose and print."""
    from fla_gateway.cli.remote.running_profile import running_profile  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs import event_log  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.diagnosis import diagnose  # noqa: PLC0415 - as above
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above

    path = config_of(arguments)
    configured = read(path)
    # Otherwise events would go to standard output.
    event_log.configure(configured.settings.configuration.log)
    chosen = _chosen(configured.profiles, arguments.profile, alone=arguments.share is not None)
    clock = SystemClock()
    found = [(it, diagnose(configured, it, clock, running_profile(arguments, path, it.name))) for it in chosen]
    if arguments.share is not None and not _share(arguments, configured, *found[0]):
        return WRONG_USE
    if arguments.json:
        print(json.dumps(_document(found), indent=2))
    elif arguments.share is None:
        print("\n".join(line for profile, diagnosis in found for line in _lines(profile, diagnosis.checks)))
    from fla_gateway.diagnosis.findings import nothing_to_say  # noqa: PLC0415 - see TYPE_CHECKING above

    return WELL if all(nothing_to_say(it.checks) for _, it in found) else FINDINGS


def _chosen(profiles: tuple[Profile, ...], name: str | None, *, alone: bool) -> tuple[Profile, ...]:
    if name is not None:
        chosen = tuple(it for it in profiles if it.name == name)
        if not chosen:
            from fla_gateway.cli.mistyped import unknown_profile  # noqa: PLC0415 - rarely needed

            raise unknown_profile(name, (it.name for it in profiles))
        return chosen
    if len(profiles) > (1 if alone else _MOST):
        there_are = Text("there are: {known}", known=", ".join(it.name for it in profiles[:_MOST]))
        message = Message("profile-to-be-named", "name the profile that is to be diagnosed")
        raise ConfigurationError((Fault("PROFILE", message, there_are),))
    return profiles


def _document(found: Sequence[tuple[Profile, Diagnosis]]) -> dict[str, object]:
    from fla_gateway.diagnosis.findings import nothing_to_say, ruled_out  # noqa: PLC0415 - see TYPE_CHECKING above

    profiles = [
        {
            "profile": profile.name,
            "environment": profile.environment,
            "checks": [it.members() for it in diagnosis.checks],
            "ruled_out": [str(it) for it in ruled_out(diagnosis.checks)],
        }
        for profile, diagnosis in found
    ]
    return {"ok": all(nothing_to_say(it.checks) for _, it in found), "profiles": profiles}


def _lines(profile: Profile, checks: Sequence[Check]) -> Iterator[str]:
    from fla_gateway.diagnosis.findings import BRANCHES, VERDICT_WORDS, nothing_to_say, ruled_out, worst  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above

    yield f"{profile.name} ({profile.environment_shown})"
    branch = ""
    width = max(len(shown(word)) for word in VERDICT_WORDS.values()) + 1
    for check in checks:
        if check.branch != branch:
            branch = check.branch
            yield f"\n{shown(BRANCHES[check.branch])}"
        took = "" if check.seconds is None else f" [{check.seconds * 1000:.0f} ms]"
        yield f"  {shown(VERDICT_WORDS[check.verdict]):<{width}} {shown(check.description)}{took}"
        yield f"  {'':<{width}}   {printable(shown(check.seen))}"
        for label, text in ((Text("cause"), check.cause), (Text("cure"), check.cure)):
            if text:
                line = Text("{label}: {message}", label=label, message=text)
                yield f"  {'':<{width}}   {printable(shown(line))}"
        if check.verdict in {"warning", "fatal"}:
            page = shown(Text("see {page}", page=check.anchor))
            yield f"  {'':<{width}}   {page}"
    excluded, first = ruled_out(checks), worst(checks)
    if first is not None:
        yield ""
        yield shown(Text('Begin with the check "{what}" ({page}).', what=first.description, page=first.anchor))
    if excluded and not nothing_to_say(checks):
        yield shown(Text("Not the cause: {causes}.", causes=joined(excluded, "; ")))
    elif nothing_to_say(checks):
        yield ""
        yield shown(Text("Nothing found."))
    yield ""


def _share(arguments: argparse.Namespace, configured: Configured, profile: Profile, diagnosis: Diagnosis) -> bool:
    """Write the report and show it; False where the file cannot be made."""
    import platform  # noqa: PLC0415 - needed here alone
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    from fla_gateway import __version__  # noqa: PLC0415 - as above
    from fla_gateway.build_info import is_compiled  # noqa: PLC0415 - as above
    from fla_gateway.cli.output import standard_streams  # noqa: PLC0415 - as above
    from fla_gateway.cli.output.language import language  # noqa: PLC0415 - as above
    from fla_gateway.clock import SystemClock  # noqa: PLC0415 - as above
    from fla_gateway.diagnosis.shared_report import Place, write_report  # noqa: PLC0415 - as above
    from fla_gateway.i18n.catalogues import spoken  # noqa: PLC0415 - as above

    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.release()}"
    now = datetime.fromtimestamp(SystemClock().wall(), UTC)
    place = Place(__version__, is_compiled(), python, system, configured.fingerprint, now)
    of_reader = spoken(arguments.share_lang or language())
    text = "\n".join(write_report(place, profile, diagnosis.checks, diagnosis.negotiations, of_reader)) + "\n"
    path = arguments.share
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as writing:
            writing.write(text)
    except OSError as error:
        reason = reason_of(error)
        standard_streams.complain(
            Text("{path}: cannot be made: {reason}; name a file that does not exist yet", path=path, reason=reason)
        )
        return False
    print(text, end="")
    return True
