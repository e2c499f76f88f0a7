"""`fla-gateway sandbox`: the simulated government side, as a command.

Owns the arguments, what is printed, and the sentence about the missing extra. Refuses to know how a sandbox works.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import IN_USE, WELL, WRONG_USE
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import reason_of
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # heavy, and not there without the extra
    from fla_gateway.cli.output.background_output import BackgroundOutput
    from fla_gateway.sandbox import Sandbox, SandboxOptions

SUMMARY: Final = Text("run a stand-in for the government side, to try things out")
DESCRIPTION: Final = Text(
    """\
Run a stand-in for the government side: an authorization server that really verifies, APIs that refuse a bad token,
and faults that can be scripted. Nothing here reaches the social security, and no account is needed.

A CA, a server certificate, a client's key and a caller's key are made and written to the directory, with a whole
configuration for a gateway that talks to it, one for each registered client; it is printed as well. A further start in
the same directory takes them over. Ctrl-C ends it.

examples:
  fla-gateway sandbox
  fla-gateway sandbox --directory /tmp/sandbox --token-life 10
  fla-gateway sandbox --listen 0.0.0.0:9443 --name sandbox.example     beyond this machine, if you mean it

The control listener scripts faults (docs/sandbox.md lists them):
  curl -X PUT http://127.0.0.1:9444/faults -H "Sandbox-Secret: $(cat /tmp/sandbox/control.secret)" \\
    -d '{{"token": "down"}}'"""
)

_LONGEST_LIFE: Final = 86_400
MISSING_EXTRA: Final = Text(
    "the sandbox needs one more library, authlib 1.6 or newer; in the folder of the sources: pip install '.[sandbox]', "
    "or where fla-gateway is installed: pip install 'authlib>=1.6'"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--listen", metavar="ADDRESS", default="127.0.0.1:9443", help=Text("TLS listener (default: %(default)s)")
    )
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        help=Text("a further host name for certificate and audience, beside localhost and sandbox; may be repeated"),
    )
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        help=Text("where the files go (default: a temporary one, removed at the end)"),
    )
    parser.add_argument(
        "--token-life",
        metavar="SECONDS",
        type=_whole_seconds,
        default=300,
        help=Text("life of a token (default: %(default)s)"),
    )
    parser.add_argument(
        "--control", metavar="ADDRESS", default="127.0.0.1:9444", help=Text("control listener (default: %(default)s)")
    )
    parser.add_argument(
        "--register",
        metavar=("CLIENT_ID", "CERTIFICATE"),
        nargs=2,
        action="append",
        default=[],
        help=Text("also know a client of yours by its certificate (PEM or DER); may be repeated"),
    )


def extra_is_missing() -> bool:
    """Say whether the libraries of the extra are absent, and print how to install them if so."""
    if all(importlib.util.find_spec(name) for name in ("authlib", "joserfc")):
        return False
    complain(MISSING_EXTRA)
    return True


def _whole_seconds(text: str) -> int:
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_LONGEST_LIFE)) else 0
    if not 0 < seconds <= _LONGEST_LIFE:
        raise argparse.ArgumentTypeError(
            shown(Text("must be a whole number of seconds, 1 to {most}", most=_LONGEST_LIFE))
        )
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Run the sandbox until a signal ends it."""
    if extra_is_missing():
        return WRONG_USE
    from fla_gateway.cli.output.background_output import BackgroundOutput  # noqa: PLC0415 - as above
    from fla_gateway.cli.signals import run_until_stopped  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.sandbox import AddressInUseError, SandboxError, SandboxOptions  # noqa: PLC0415 - as above

    output = BackgroundOutput()
    options = SandboxOptions(
        directory=arguments.directory,
        listen=arguments.listen,
        control=arguments.control,
        names=tuple(arguments.name),
        token_life=arguments.token_life,
        # Not flushed: a sandbox whose exchanges are no longer read goes on.
        report=lambda line: print(line, file=output),
    )
    output.start()
    try:
        return run_until_stopped(_serve(options, arguments.register, output), when_stopped=WELL)
    except SandboxError as error:
        complain(error.args[0])
        return IN_USE if isinstance(error, AddressInUseError) else WRONG_USE
    finally:
        output.close()


async def _serve(options: SandboxOptions, clients: list[tuple[str, str]], output: BackgroundOutput) -> int:
    from asyncio import Event  # noqa: PLC0415 - see TYPE_CHECKING above

    from fla_gateway.sandbox import Sandbox  # noqa: PLC0415 - as above

    sandbox = Sandbox(options)
    for client_id, certificate in clients:
        sandbox.register(client_id, _read(Path(certificate)))
    await sandbox.start()
    try:
        for renewed in sandbox.renewed:
            complain(Text("warning: {warning}", warning=renewed))
        print(introduction(sandbox, clients), file=output)
        await Event().wait()
    finally:
        await sandbox.close()
    return WELL


def introduction(sandbox: Sandbox, registered: list[tuple[str, str]]) -> str:
    """Write a configuration for each client into the sandbox's directory, and say where everything is.

    Raises:
        SandboxError: the directory cannot be written.
    """
    from fla_gateway.access.authentication.api_key import digest, new_key  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.cli.demonstration.sandbox_configuration import (  # noqa: PLC0415 - as above
        CALLER_KEY,
        clients_of,
        configuration,
        file_names,
    )

    place = sandbox.directory.resolve()
    sandbox.add_files({CALLER_KEY: f"{new_key()}\n".encode()})
    caller = digest((place / CALLER_KEY).read_text("utf-8").strip())
    clients = clients_of(sandbox, registered)
    texts = {
        name: configuration(sandbox, client, caller) for name, client in zip(file_names(clients), clients, strict=True)
    }
    differing = sandbox.add_files({name: text.encode() for name, text in texts.items()})
    lines = (_head(sandbox, place), *_shown(place, texts, differing), Text("Exchanges:\n"))
    return "\n".join(map(shown, lines))


def _head(sandbox: Sandbox, place: Path) -> Text:
    return Text(
        """\
A stand-in for the government side; nothing here reaches the social security. Ctrl-C ends it.

  APIs            {api}/REST/...
  token endpoint  {token}
  control         {control} (secret in {place}/control.secret)

In another terminal, a gateway that talks to it, and a call:

  fla-gateway run --config {place}/gateway.toml
  curl -i -H "X-Api-Key: $(cat {place}/payroll.key)" http://127.0.0.1:8480/employer/REST/echo/v1/hello
""",
        api=sandbox.url,
        token=sandbox.token_url,
        control=sandbox.control_url,
        place=place,
    )


def _shown(place: Path, texts: Mapping[str, str], differing: Collection[str]) -> Iterator[str]:
    for name, text in texts.items():
        if name in differing:
            yield Text(
                "A configuration for that gateway, in {path}, which was there already and stays as it is; for this "
                "start it would be:",
                path=place / name,
            )
        else:
            yield Text("A configuration for that gateway, in {path}:", path=place / name)
        yield f"\n{text}"


def _read(certificate: Path) -> bytes:
    from fla_gateway.sandbox import SandboxError  # noqa: PLC0415 - see TYPE_CHECKING above

    try:
        return certificate.read_bytes()
    except OSError as error:
        raise SandboxError(
            Text("{path} cannot be read: {reason}", path=certificate, reason=reason_of(error))
        ) from error
