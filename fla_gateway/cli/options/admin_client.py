"""What the commands share that call a running gateway: the options, and what they come to.

Owns the options, and where the admin listener is according to them. Refuses to connect; `remote.admin_connection` does.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fla_gateway.cli.options.config_option import config_of
from fla_gateway.cli.output.language import language
from fla_gateway.errors import ConfigurationError, Fault, InvalidValueError, reason_of
from fla_gateway.i18n.catalogues import SOURCE_LANGUAGE
from fla_gateway.i18n.message import NOTHING, Message, Text
from fla_gateway.secret import Secret

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Mapping

    from fla_gateway.config.values.address import RealAddress

KEY_VARIABLE: Final = "FLA_GATEWAY_ADMIN_KEY"
_LONGEST_KEY: Final = 4096
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never listened on here


class AdminTarget(NamedTuple):
    """Where the gateway is called, and by what it is believed.

    Attributes:
        address: of the admin listener; loopback where it listens on all addresses.
        encrypted: whether it speaks TLS.
        origin: where the address was found, for messages.
        ca_file: roots for its certificate, or None.
        service_user: user id that the gateway may have, beside root's and the command's own; or None.
        key: the key of `[admin] key`, or None.
        warnings: who else can get at the file that the key was read from.
        option: that names the address, for messages.
        language: of the sentences in its answers.
    """

    address: RealAddress
    encrypted: bool
    origin: str
    ca_file: Path | None = None
    service_user: int | None = None
    key: Secret | None = None
    warnings: tuple[Text, ...] = ()
    option: str = "--admin"
    language: str = SOURCE_LANGUAGE


def add_admin(parser: argparse.ArgumentParser) -> None:
    """Declare the options, beside ``--config``."""
    _add_place(parser)
    parser.add_argument(
        "--admin-key-file",
        metavar="FILE",
        type=Path,
        help=Text(
            "file with the key of [admin.key] (default: the variable {variable}, or none)", variable=KEY_VARIABLE
        ),
    )
    _add_roots(parser)
    parser.add_argument(
        "--service-user",
        metavar="USER",
        help=Text("name or number of the user that runs the gateway, if it is neither root nor the one who asks"),
    )


def add_address(parser: argparse.ArgumentParser) -> None:
    """Declare where the admin listener is, for what needs no rights there."""
    _add_place(parser)
    _add_roots(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--admin",
        metavar="ADDRESS",
        help=Text("the admin listener, instead of that of --config: http://HOST:PORT, https://HOST:PORT or unix:PATH"),
    )


def _add_roots(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca-file",
        metavar="FILE",
        type=Path,
        help=Text("roots for the admin listener's certificate (default: the system's)"),
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help=Text("print the gateway's answer as it is, as JSON"))


def target_of(
    arguments: argparse.Namespace, environ: Mapping[str, str] | None = None, configuration: Path | None = None
) -> AdminTarget:
    """Find out where the gateway is, and with which key it is called.

    Args:
        arguments: those of the command line.
        environ: variables; by default those of the process.
        configuration: the one that was read already; otherwise it is found, and named on standard error.

    Raises:
        ConfigurationError: an option is faulty, or the configuration does not say where the admin listener is.
    """
    address, encrypted, origin = _place(arguments, configuration)
    user = user_id(arguments.service_user)
    if arguments.admin_key_file is not None:
        text, warnings = read_key_file(arguments.admin_key_file, "--admin-key-file")
        return AdminTarget(
            address, encrypted, origin, arguments.ca_file, user, read_key(text, "--admin-key-file"), warnings,
            language=_answers_in(arguments),
        )  # fmt: skip
    text = (os.environ if environ is None else environ).get(KEY_VARIABLE, "")  # noqa: TID251 - a command's own key
    key = read_key(text, KEY_VARIABLE) if text else None
    return AdminTarget(address, encrypted, origin, arguments.ca_file, user, key, language=_answers_in(arguments))


def _answers_in(arguments: argparse.Namespace) -> str:
    """Choose the language of answers: that of the command, but English where they are printed as JSON."""
    return SOURCE_LANGUAGE if getattr(arguments, "json", False) else language()


def address_of(arguments: argparse.Namespace) -> AdminTarget:
    """Find out where the gateway is, for a request without a key.

    Raises:
        ConfigurationError: as `target_of`.
    """
    return AdminTarget(*_place(arguments), arguments.ca_file)


def _place(arguments: argparse.Namespace, configuration: Path | None = None) -> tuple[RealAddress, bool, str]:
    if arguments.admin is not None:
        scheme, separator, rest = arguments.admin.partition("://")
        if separator and scheme.lower() not in {"http", "https"}:
            raise _fault("--admin", Message("admin-scheme-unknown", "must begin with http://, https:// or unix:"))
        text = rest.removesuffix("/") if separator else arguments.admin
        return connectable(text, "--admin"), scheme.lower() == "https", "--admin"
    return admin_of(configuration or config_of(arguments))[:3]


def admin_of(path: Path) -> AdminTarget:
    """Find out where the gateway of a configuration is, for a request without a key.

    Raises:
        ConfigurationError: the configuration does not say it.
    """
    from fla_gateway.config.admin_address import read_admin_listener  # noqa: PLC0415 - `--help` need not know

    listener = read_admin_listener(path)
    address = connectable(listener.address, "admin.listen", path.name)
    return AdminTarget(address, listener.tls is not None, Text("[admin] listen of {path}", path=path))


def connectable(text: str, place: str, file: str = "") -> RealAddress:
    """Read an address that a gateway listens on as one that can be connected to.

    Args:
        text: as in a configuration.
        place: of the option or key, for a fault.
        file: that has it; empty for an option.

    Raises:
        ConfigurationError: it is none, or only the running gateway knows which it is.
    """
    from fla_gateway.config.values.address import DescriptorAddress, TcpAddress, parse_listen  # noqa: PLC0415 - as above

    try:
        address = parse_listen(text)
    except InvalidValueError as error:
        raise _fault(place, error.message, file=file) from None
    if isinstance(address, DescriptorAddress) or (isinstance(address, TcpAddress) and address.port == 0):
        message = Message("admin-address-open", "does not say which address the running gateway has")
        raise _fault(place, message, Text("name it with --admin"), file)
    if not isinstance(address, TcpAddress):
        return address
    return TcpAddress(_WILDCARDS.get(address.host, address.host), address.port)


def user_id(text: str | None) -> int | None:
    """Find the user of ``--service-user``; None without it.

    Raises:
        ConfigurationError: there is no such user.
    """
    import pwd  # noqa: PLC0415 - not on every platform

    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise _fault("--service-user", Message("no-such-user", "this machine has no such user")) from None


def read_key_file(path: Path, option: str) -> tuple[str, tuple[Text, ...]]:
    """Read the file of a key; give what it holds, and who else can get at it.

    Raises:
        ConfigurationError: it cannot be read.
    """
    from fla_gateway.config.document.file_snapshot import FileSnapshot  # noqa: PLC0415 - as above
    from fla_gateway.keys.files.file_permissions import exposure  # noqa: PLC0415 - as above

    files = FileSnapshot()
    try:
        text = files.read(path)[:_LONGEST_KEY].decode("latin-1")
    except OSError as error:
        raise _fault(
            option,
            Message("admin-key-file-unreadable", "the file cannot be read: {reason}", reason=reason_of(error)),
        ) from None
    return text, tuple(it.sentence for it in exposure(path, files.custody(path)))


def read_key(text: str, place: str) -> Secret:
    """Take a text for an API key.

    Raises:
        ConfigurationError: it is none.
    """
    from fla_gateway.access.authentication.api_key import is_key  # noqa: PLC0415 - as above

    if not is_key(text.strip()):
        raise _fault(
            place,
            Message("admin-key-malformed", "holds no key"),
            Text("a key is flagw_ and 64 hexadecimal digits, as `fla-gateway caller new` makes it"),
        )
    return Secret(text.strip())


def _fault(place: str, message: Message, cure: Text = NOTHING, file: str = "") -> ConfigurationError:
    return ConfigurationError((Fault(place, message, cure, file),))
