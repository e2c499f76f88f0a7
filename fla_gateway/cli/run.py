"""`fla-gateway run`: serve.

Owns the arguments. Refuses to know how serving works; `runtime.startup` does.
"""

from __future__ import annotations

import argparse
import gc
from typing import Final

from fla_gateway.cli.exit_codes import CUT_OFF, IN_USE, WELL
from fla_gateway.cli.options.config_option import add_config, find_config, report_config
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import ConfigurationError, InUseError, NoThreadError
from fla_gateway.i18n.message import Text

SUMMARY: Final = Text("serve the profiles of a configuration")
DESCRIPTION: Final = Text(
    """\
Serve the profiles of a configuration until SIGTERM or Ctrl-C; running calls are then finished first.
A profile whose key cannot be used answers 503 and says why, and the others run.

examples:
  fla-gateway run
  fla-gateway run --config /etc/fla-gateway/gateway.toml --strict
  curl http://127.0.0.1:8480/employer/REST/...      a call, in another terminal
  curl http://127.0.0.1:8481/readyz                 is it ready?"""
)

_NOT_USED: Final = (
    "pickle", "uuid", "structlog.testing", "structlog.threadlocal",
    "email.utils", "cryptography.hazmat.primitives.serialization.ssh",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_config(parser)
    parser.add_argument("--strict", action="store_true", help=Text("do not start if any profile's key cannot be used"))


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    from fla_gateway.system.deferred_import import deferred, patterns_deferred  # noqa: PLC0415 - as below

    # What is imported stays: to look through it for garbage would be a twentieth of the start, for 0.2 MB.
    gc.disable()
    # structlog and cryptography name them for what is not used here.
    with deferred(*_NOT_USED):
        with patterns_deferred():  # one that reads names from text takes 14 ms, and is never used
            import cryptography.x509  # noqa: F401, PLC0415 - as below
        from fla_gateway.runtime.startup import serve  # noqa: PLC0415 - `--help` must not wait for the gateway
    gc.freeze()
    gc.enable()

    path = find_config(arguments)
    try:
        return CUT_OFF if serve(path, strict=arguments.strict, shown=shown) else WELL
    except ConfigurationError as error:
        # The first event, which names the file, may not have come yet.
        report_config(path)
        from fla_gateway.cli.checking.fault_lines import located  # noqa: PLC0415 - rarely needed

        faults = located(path, error.faults)
        if isinstance(error, InUseError):
            from fla_gateway.cli.checking.start_checks import occupant  # noqa: PLC0415 - as above

            raise InUseError((*faults, *occupant(path))) from None
        raise ConfigurationError(faults) from None
    except NoThreadError as error:
        complain(error.text)
        return IN_USE
