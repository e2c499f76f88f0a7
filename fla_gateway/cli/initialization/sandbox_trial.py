"""`fla-gateway init --sandbox`: a configuration for the sandbox, one call, and the lines that start both again.

Owns the order of things and the files. Refuses to leave anything running.
"""

from __future__ import annotations

import argparse
import json
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from fla_gateway.cli.demonstration.caller import Answer
from fla_gateway.cli.demonstration.environment import NotReadyError, free_address, running_gateway
from fla_gateway.cli.exit_codes import FINDINGS, IN_USE, INTERRUPTED, WELL, WRONG_USE
from fla_gateway.cli.initialization import closing, terminal
from fla_gateway.cli.initialization.given import given_answers
from fla_gateway.cli.initialization.terminal import line, say
from fla_gateway.cli.initialization.written_files import configured_language, make_caller_keys, write_configuration
from fla_gateway.cli.output.language import language, shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.cli.signals import run_until_stopped
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.onboarding.config_writer import Environment, KeyFiles, Plan, whole_file
from fla_gateway.onboarding.flow import next_question, settle
from fla_gateway.onboarding.folder import SECRETS, Folder
from fla_gateway.onboarding.place_questions import ADMIN
from fla_gateway.onboarding.question import Context, several
from fla_gateway.sandbox import AddressInUseError, Sandbox, SandboxError, SandboxOptions

PROFILE: Final = "employer"
BOX: Final = "sandbox"
SERVICES: Final = ("dimona", "/REST/echo/v1")
USUAL: Final = {"sandbox": 9443, "control": 9444, "gateway": 8480, "admin": 8481}
PATH: Final = "/REST/dimona/v2/declarations"
DECLARATION: Final = {"employer": "0123456749", "action": "in", "startDate": "2026-11-02"}
_CREATED: Final = 201
_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything listens, as host:port."""

    sandbox: str
    control: str
    gateway: str
    admin: str


def try_out(arguments: argparse.Namespace) -> int:
    """Make everything, make one call, end everything.

    Raises:
        ConfigurationError: the folder has another configuration, or an answer is none.
    """
    folder = Folder(arguments.directory.absolute())
    folder.prepare()
    places = _places(folder)
    try:
        answers = _answers(arguments)
        callers = _callable(folder, several(answers, "callers")) if folder.configuration.exists() else ()
        callers = callers or several(answers, "callers")
        say(Text("Everything is on this machine; nothing reaches the social security, and no account is needed."))
        answer = run_until_stopped(_made_and_called(folder, places, callers), when_stopped=INTERRUPTED)
    except KeyboardInterrupt:
        return INTERRUPTED
    if answer == INTERRUPTED:
        return INTERRUPTED
    if answer != WELL:
        return answer
    _say_how_to_go_on(folder, places, callers[0])
    return WELL


def _answers(arguments: argparse.Namespace) -> dict[str, str]:
    context = Context(language=language(), sandbox=True)
    given = given_answers(arguments)
    question = next_question(given, context)
    if question is not None and terminal.is_there() and not arguments.yes:
        answer = terminal.ask(question)
        if answer not in {None, terminal.BACK}:
            given[question.id] = str(answer)
    settled = settle(given, context, take_defaults=True)
    if settled.faults:
        raise ConfigurationError(tuple(Fault(f"--{name}", message) for name, message in settled.faults))
    return settled.answers


def _places(folder: Folder) -> Places:
    """Take the usual ports where they are free, or those of the configuration that was made here before.

    Raises:
        ConfigurationError: there is a configuration that is not for this sandbox.
    """
    if not folder.configuration.exists():
        return Places(**{name: free_address(port) for name, port in USUAL.items()})
    document = folder.documents[0][1]
    made = _made_here(folder, document)
    if made is None:
        message = Message("init-not-for-sandbox", "{path} is not for the sandbox", path=folder.configuration)
        cure = Text("name another folder with --directory")
        raise ConfigurationError((Fault("--directory", message, cure),))
    listen = _table(document, "gateway").get("listen")
    gateway = _address(listen[0] if isinstance(listen, list) and listen else listen, "gateway")
    admin = _address(_table(document, "admin").get("listen"), "admin")
    return Places(f"127.0.0.1:{made}", free_address(USUAL["control"]), gateway, admin)


def _address(listen: object, name: str) -> str:
    """Return host and port of a listener of the configuration.

    Raises:
        ConfigurationError: it is another kind of address, where no trial call is made.
    """
    if listen is None:
        return f"127.0.0.1:{USUAL[name]}"
    host, _, port = str(listen).rpartition(":")
    if isinstance(listen, str) and port.isdigit() and host and not host.startswith("unix"):
        return listen
    message = Message("init-listener-unfit", "the listener is no host:port, so that no call can be tried here")
    cure = Text("start the gateway by `fla-gateway run`, and make the call by `fla-gateway try`")
    raise ConfigurationError((Fault(f"{name}.listen", message, cure),))


def _callable(folder: Folder, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """List the callers of a configuration that was made here before, by whose keys the call can be made.

    Args:
        folder: see there.
        wanted: who is asked for; comes first, if it is there.

    Raises:
        ConfigurationError: no key is there any more.
    """
    there = folder.callers_of(PROFILE)
    names = tuple(it for it in (*wanted, *there) if it in there and folder.key_of(it).exists())
    if names:
        return names
    message = Message(
        "init-no-key-left", "no key of a caller of {path} is in {folder}", path=folder.configuration,
        folder=folder.path / SECRETS,
    )  # fmt: skip
    raise ConfigurationError((Fault("--directory", message, Text("name another folder with --directory")),))


def _made_here(folder: Folder, document: dict[str, Any]) -> int | None:
    """Return the port of the sandbox in a configuration that was made here; None if it is another one."""
    own = _table(_table(document, "environments"), BOX)
    same = folder.path / str(own.get("ca_file", "")) == folder.path / BOX / "ca.pem"
    try:
        return urlsplit(str(own.get("api_base", ""))).port if same else None
    except ValueError:
        return None


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


async def _made_and_called(folder: Folder, places: Places, callers: tuple[str, ...]) -> int:
    sandbox = Sandbox(SandboxOptions(directory=folder.path / BOX, listen=places.sandbox, control=places.control))
    try:
        await sandbox.start()
    except SandboxError as error:
        complain(str(error))
        return IN_USE if isinstance(error, AddressInUseError) else WRONG_USE
    try:
        if not folder.configuration.exists():
            _write(folder, places, callers, sandbox)
        with tempfile.TemporaryDirectory(prefix=".trial-", dir=folder.path) as temporary:
            log = Path(temporary) / "gateway.log"
            async with running_gateway(folder.configuration, f"http://{places.admin}", log):
                return _verdict(await _call(folder, places, callers[0]))
    except NotReadyError as error:
        complain(error.text)
        complain(error.last_words)
        return FINDINGS
    finally:
        await sandbox.close()


def _write(folder: Folder, places: Places, callers: tuple[str, ...], sandbox: Sandbox) -> None:
    digests = make_caller_keys(folder, callers, further=(ADMIN,))
    admin = digests.pop(ADMIN)
    box = PurePath(BOX)
    plan = Plan(
        profile=PROFILE,
        environment=BOX,
        client_id=sandbox.client_id,
        key=KeyFiles(
            str(box / sandbox.client_key_file.name),
            pkcs12=False,
            certificate=str(box / sandbox.client_certificate_file.name),
        ),
        services=SERVICES,
        callers=digests,
        own_environment=Environment(BOX, sandbox.url, sandbox.token_url, str(box / sandbox.ca_file.name)),
        listen="" if _is_usual(places.gateway, "gateway") else places.gateway,
        admin_listen="" if _is_usual(places.admin, "admin") else places.admin,
        admin_digest=admin,
        language=configured_language(),
    )
    write_configuration(folder, PROFILE, whole_file(plan, shown))


async def _call(folder: Folder, places: Places, caller: str) -> Answer:
    key = folder.key_of(caller).read_text("utf-8").strip()
    url = f"http://{places.gateway}/{PROFILE}{PATH}"
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, auth=aiohttp.BasicAuth(caller, key)) as session,
        session.post(url, json=DECLARATION) as response,
    ):
        return Answer(response.status, response.headers, await response.read())


def _verdict(answer: Answer) -> int:
    """Say what the call was answered; 0 if as it should."""
    if answer.status == _CREATED:
        return WELL
    complain(
        Text(
            "the trial call was answered {status}: {detail}",
            status=answer.status,
            detail=str(answer.document.get("detail", "")),
        )
    )
    return FINDINGS


def _is_usual(address: str, name: str) -> bool:
    return address == f"127.0.0.1:{USUAL[name]}"


def sandbox_line(folder: Folder, places: Places) -> str:
    """Write the line that starts the sandbox again."""
    words = ["fla-gateway", "sandbox", "--directory", str(folder.path / BOX)]
    for option, name in (("--listen", "sandbox"), ("--control", "control")):
        address = getattr(places, name)
        if not _is_usual(address, name):
            words += [option, address]
    return shlex.join(words)


def moved_ports(places: Places) -> Iterator[Text]:
    """Say which addresses of the documentation are others here."""
    for name, address in (("gateway", places.gateway), ("admin", places.admin)):
        if not _is_usual(address, name):
            yield Text(
                "Port {usual} was in use, perhaps by a demo that still runs: it is {address} here, wherever the "
                "documentation has {usual}.",
                usual=USUAL[name],
                address=address,
            )


def _say_how_to_go_on(folder: Folder, places: Places, caller: str) -> None:
    address = f"http://{places.gateway}"
    line()
    say(Text("It works: a declaration was sent through the gateway and answered 201 Created. Both are ended again."))
    say(Text("The configuration is {path}; every line of it says what it is for.", path=folder.configuration))
    for moved in moved_ports(places):
        say(moved)
    line()
    say(Text("To go on, start both again, each in a terminal of its own. What the first one prints is not needed:"))
    line(f"  {sandbox_line(folder, places)}")
    line(f"  {closing.run_line(folder)}")
    say(Text("and in a third one make the call yourself:"))
    body = f"-H 'Content-Type: application/json' -d '{json.dumps(DECLARATION)}'"
    line(f"  {closing.curl_line(folder, caller, PROFILE, PATH, address)} {body}")
    line()
    say(Text("Then, for your own account, in a folder of its own: fla-gateway init --directory own"))
