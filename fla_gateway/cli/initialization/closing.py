"""What `fla-gateway init` says and does at its stops: page for ChaMan, check, offer of a token, call.

Owns these texts and the lines to paste. Refuses to know how they were arrived at. No line has a key in it: each reads
it from its file.
"""

from __future__ import annotations

import argparse
import json
import shlex
from types import ModuleType
from typing import Final, Literal

from fla_gateway.cli.exit_codes import FINDINGS, WELL
from fla_gateway.cli.initialization import terminal
from fla_gateway.cli.initialization.terminal import line, say
from fla_gateway.cli.initialization.written_files import upload_for
from fla_gateway.i18n.message import Text
from fla_gateway.onboarding.allow_lists import trial_path
from fla_gateway.onboarding.config_writer import INCLUDE, further_line
from fla_gateway.onboarding.folder import CONFIGURATION, Folder
from fla_gateway.onboarding.place_questions import WINDOWS
from fla_gateway.onboarding.question import Answers, several

_ONE_TOKEN: Final = Text(
    "Shall one token be asked for now, to see whether client id, key and rights belong together? It asks the token "
    "server of the social security, and calls no API. yes or no:"
)
ADDRESS: Final = "http://127.0.0.1:8480"
_WHERE: Final = {
    "systemd": Text("docs/service.md has the way from this folder to a service of systemd, command by command."),
    "compose": Text("docs/service.md has the way from this folder to a service of docker compose, command by command."),
    "kubernetes": Text("docs/service.md has the way from this folder to a pod of Kubernetes, command by command."),
    WINDOWS: Text(
        "The gateway does not run on Windows yet. It needs a Linux machine; the programs reach it through a tunnel "
        "that keeps the port, such as `ssh -N -L 8480:127.0.0.1:8480 user@server`."
    ),
}


def command(folder: Folder, *words: str) -> str:
    """Write the line that goes on."""
    return shlex.join(["fla-gateway", "init", "--directory", str(folder.path), *words])


def show_page(folder: Folder, answers: Answers) -> None:
    """Say what the person at ChaMan gets."""
    upload = upload_for(folder, answers)
    line()
    say(Text("For the person who has access to ChaMan there is a page to print, or to send by mail:"))
    line(f"  {folder.page_of(answers['profile'])}")
    if upload is not None:
        say(Text("and with it the certificate, which is uploaded there:"))
        line(f"  {folder.page_of(answers['profile']).parent / upload.file}")
    if folder.mail_of(answers["profile"]).exists():
        say(
            Text(
                "Acceptance has to be asked for first. A draft of the mail, with two spellings of an unverified "
                "address:"
            )
        )
        line(f"  {folder.mail_of(answers['profile'])}")
    say(Text("There is nothing secret in that folder. What comes back is the client id."))


def wait_for_client_id(folder: Folder, answers: Answers) -> None:
    """Say how to go on when the client id has come."""
    if not terminal.is_there():
        show_page(folder, answers)
    line()
    say(Text("Everything is kept. When the client id has come, go on with:"))
    line(f"  {command(folder, '--profile', answers['profile'], '--client-id', 'CLIENT_ID')}")


def finish(folder: Folder, answers: Answers, *, doctor_too: Literal["yes", "no", "ask"]) -> int:
    """Check the configuration, offer to ask for one token, and print the call that works.

    Args:
        folder: as it is now.
        answers: of the profile.
        doctor_too: whether one token is asked for; ``ask`` leaves it to the person at the terminal.

    Returns:
        0 if nothing is left to be put in, the check found nothing grave, and a token came if one was asked for.
    """
    from fla_gateway.cli import check, doctor  # noqa: PLC0415 - not needed before everything is there

    profile = answers["profile"]
    line()
    if _left_to_put_in(folder, answers):
        return FINDINGS
    if run_command(check, "--config", str(folder.configuration)) != WELL:
        say(Text("Mend what is named here, then start init again: it goes on with the check."))
        return FINDINGS
    code = WELL
    if doctor_too == "yes" or (doctor_too == "ask" and terminal.is_there() and terminal.agrees(_ONE_TOKEN)):
        code = run_command(doctor, profile, "--config", str(folder.configuration))
    say_last_lines(folder, answers)
    return code


def _left_to_put_in(folder: Folder, answers: Answers) -> bool:
    """Say which lines a person has to put into a configuration that is not this program's to change."""
    profile = answers["profile"]
    included = profile in folder.names("profiles")
    if not included:
        _say_include(folder)
    new = folder.further(profile).exists() and not folder.names_of_file(folder.further(profile), "callers")
    permitted = folder.callers_of(profile)
    if new and not permitted:
        say(Text("No caller may use the profile yet. Put this line into the `allow` of each that may:"))
        for part in further_line(profile, several(answers, "services")).split("\n"):
            line(f"  {part}")
    if included and (permitted or not new):
        return False
    say(Text("Then start init again; it goes on with the check."))
    line(f"  {command(folder, '--profile', profile)}")
    return True


def _say_include(folder: Folder) -> None:
    path, includes = folder.configuration, folder.includes
    if includes:  # a second line would be a fault of TOML
        say(Text("{path} does not take in the profile's file yet. Make its `include` at the top this one:", path=path))
    else:
        say(Text("{path} does not take in the profile's file yet. Put this line at its top:", path=path))
    line(f"  include = {json.dumps([*includes, INCLUDE], ensure_ascii=False)}")


def say_last_lines(folder: Folder, answers: Answers) -> None:
    """Print how to start the gateway, and the call."""
    caller = next(iter(folder.callers_of(answers["profile"])), several(answers, "callers")[0])
    line()
    say(Text("Start the gateway:"))
    line(f"  {run_line(folder)}")
    say(Text("In another terminal, one call; it changes nothing:"))
    line(f"  {curl_line(folder, caller, answers['profile'], trial_path(several(answers, 'services')))}")
    say(
        Text(
            "An answer with `Fla-Gateway-Origin: upstream` means that it works, whatever its status: 404 is usual here."
        )
    )
    line()
    say(
        Text(
            "Keys of the programs and of the status page are in {folder}, each in a file of its own. Hand each key to "
            "its program; the configuration has its SHA-256 alone, so that the file may go then.",
            folder=folder.key_of(caller).parent,
        )
    )
    where = _WHERE.get(answers.get("runs-on", ""))
    if where is not None:
        say(where)


def run_line(folder: Folder) -> str:
    """Write the line that starts the gateway."""
    return shlex.join(["fla-gateway", "run", "--config", str(folder.path / CONFIGURATION)])


def curl_line(folder: Folder, caller: str, profile: str, path: str, address: str = ADDRESS) -> str:
    """Write the line that makes one call, with the key from its file.

    Args:
        folder: where the file of the key is.
        caller: whose key it is.
        profile: which is called.
        path: of the API, as behind the profile.
        address: of the gateway, with its scheme.
    """
    key = shlex.quote(str(folder.key_of(caller)))
    return f'curl -i -u "{caller}:$(cat {key})" {address}/{profile}{path}'


def run_command(module: ModuleType, *words: str) -> int:
    """Run another command as if it had been typed."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    code: int = module.run(parser.parse_args(words))
    return code
