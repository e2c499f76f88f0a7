"""`fla-gateway sandbox`: the simulated government side, as a command.

Owns the arguments, what is printed, and the sentence about the missing extra. Refuses to know how a sandbox works.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.exit_codes import IN_USE, WELL, WRONG_USE
from fla_gateway.cli.output.standard_streams import complain

if TYPE_CHECKING:  # heavy, and not there without the extra
    from fla_gateway.cli.output.background_output import BackgroundOutput
    from fla_gateway.sandbox import Sandbox, SandboxOptions

SUMMARY: Final = "run a stand-in for the government side, to try things out"
DESCRIPTION: Final = """\
Run a stand-in for the government side: an authorization server that really verifies, APIs that refuse a bad token,
and faults that can be scripted. Nothing here reaches the social security, and no account is needed.

A CA, a server certificate and a client key are made at each start; the files that a gateway needs are written to the
directory, and what to put into its configuration is printed. Ctrl-C ends it.

examples:
  fla-gateway sandbox
  fla-gateway sandbox --directory /tmp/sandbox --token-life 10
  fla-gateway sandbox --listen 0.0.0.0:9443 --name sandbox.example     beyond this machine, if you mean it

The control listener scripts faults (docs/sandbox.md lists them):
  curl -X PUT http://127.0.0.1:9444/faults -H "Sandbox-Secret: $(cat /tmp/sandbox/control.secret)" \\
    -d '{"token": "down"}'"""

MISSING_EXTRA: Final = "the sandbox needs two more libraries; install them with: pip install 'fla-gateway[sandbox]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--listen", metavar="ADDRESS", default="127.0.0.1:9443", help="TLS listener (default: %(default)s)"
    )
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        help="a further host name for certificate and audience, beside localhost and sandbox; may be repeated",
    )
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        help="where the files go (default: a temporary one, removed at the end)",
    )
    parser.add_argument(
        "--token-life", metavar="SECONDS", type=int, default=300, help="life of a token (default: %(default)s)"
    )
    parser.add_argument(
        "--control", metavar="ADDRESS", default="127.0.0.1:9444", help="control listener (default: %(default)s)"
    )
    parser.add_argument(
        "--register",
        metavar=("CLIENT_ID", "CERTIFICATE"),
        nargs=2,
        action="append",
        default=[],
        help="also know a client of yours by its certificate (PEM or DER); may be repeated",
    )


def extra_is_missing() -> bool:
    """Say whether the libraries of the extra are absent, and print how to install them if so."""
    if all(importlib.util.find_spec(name) for name in ("authlib", "joserfc")):
        return False
    complain(MISSING_EXTRA)
    return True


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
        complain(error)
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
        print(introduction(sandbox), file=output)
        await Event().wait()
    finally:
        await sandbox.close()
    return WELL


def introduction(sandbox: Sandbox) -> str:
    """Write where everything is, and what to put into a configuration."""
    place = sandbox.directory.resolve()
    return f"""\
A stand-in for the government side; nothing here reaches the social security. Ctrl-C ends it.

  APIs            {sandbox.url}/REST/...
  token endpoint  {sandbox.token_url}
  control         {sandbox.control_url} (secret in {place}/control.secret)

For the gateway's configuration:

  [environments.sandbox]
  api_base = "{sandbox.url}"
  token_url = "{sandbox.token_url}"
  ca_file = "{sandbox.ca_file.resolve()}"

  [profiles.sandbox]
  environment = "sandbox"
  client_id = "{sandbox.client_id}"
  key = {{ pem = "{sandbox.client_key_file.resolve()}", certificate = "{sandbox.client_certificate_file.resolve()}" }}

Exchanges:
"""


def _read(certificate: Path) -> bytes:
    from fla_gateway.sandbox import SandboxError  # noqa: PLC0415 - see TYPE_CHECKING above

    try:
        return certificate.read_bytes()
    except OSError as error:
        raise SandboxError(f"{certificate} cannot be read: {error.strerror}") from error
