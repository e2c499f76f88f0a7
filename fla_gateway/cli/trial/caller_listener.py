"""Where callers reach a running gateway, and by which key one of them is known.

Owns the choice among the listeners of a configuration. Refuses to connect; `through_gateway` does.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fla_gateway.cli.options.admin_client import AdminTarget, connectable, read_key, read_key_file, user_id
from fla_gateway.cli.trial.gateway_record import status_of
from fla_gateway.config.rules.listener_specs import listener_specs
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.config.schema import Configuration
    from fla_gateway.secret import Secret

KEY_VARIABLE: Final = "FLAGW_KEY"
"""As the snippets of docs/clients.md have it."""
OPTION: Final = "--gateway"


class CallerListener(NamedTuple):
    """Where a caller calls, and with which key.

    Attributes:
        target: the listener, with the key.
        prefix: precedes the path: ``/PROFILE``, or nothing on a profile's own listener.
        key_file: file of the key, or None.
    """

    target: AdminTarget
    prefix: str
    key_file: Path | None

    @property
    def base(self) -> str:
        """The address that precedes the path in a URL."""
        address, scheme = self.target.address, "https" if self.target.encrypted else "http"
        return f"{scheme}://{address if isinstance(address, TcpAddress) else 'localhost'}{self.prefix}"

    @property
    def socket(self) -> str:
        """Path of the Unix socket, or ``@`` and its abstract name; empty for TCP."""
        match self.target.address:
            case UnixAddress(path):
                return str(path)
            case AbstractAddress(name):
                return f"@{name}"
        return ""


def caller_listener(arguments: argparse.Namespace, configuration: Configuration | None) -> CallerListener:
    """Find the listener.

    Args:
        arguments: of the command line.
        configuration: None where ``--gateway`` names the address and no configuration is read.

    Raises:
        ConfigurationError: no listener is known, or the key cannot be read.
    """
    if arguments.gateway is not None:
        found = _named(arguments.gateway)
        origin: str = OPTION
        prefix = f"/{arguments.profile}"
    else:
        found, own = _configured(arguments, configuration)
        origin = Text("the listener of the configuration")
        prefix = "" if own else f"/{arguments.profile}"
    address, encrypted = found
    user = user_id(arguments.service_user)
    key, warnings = _key(arguments)
    target = AdminTarget(address, encrypted, origin, arguments.gateway_ca_file, user, key, warnings, OPTION)
    return CallerListener(target, prefix, arguments.key_file)


def _named(text: str) -> tuple[Any, bool]:
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() not in {"http", "https"}:
        message = Message("gateway-scheme-unknown", "must begin with http://, https:// or unix:")
        raise ConfigurationError((Fault(OPTION, message),))
    return connectable(rest.rstrip("/") if separator else text, OPTION), scheme.lower() == "https"


def _configured(arguments: argparse.Namespace, configuration: Configuration | None) -> tuple[tuple[Any, bool], bool]:
    """Find a listener in the configuration, or where its address is not sure, in what the gateway says of itself."""
    specs = [] if configuration is None else list(listener_specs(configuration))
    usable = [it for it in specs if it.profile in {None, arguments.profile}]
    for spec in sorted(usable, key=lambda it: it.profile is not None):
        if isinstance(spec.address, UnixAddress | AbstractAddress) or (
            isinstance(spec.address, TcpAddress) and spec.address.port
        ):
            return (connectable(spec.listener.address, spec.place), spec.listener.tls is not None), bool(spec.profile)
    for listener in _listed(status_of(arguments)):
        if listener.get("profile") in {None, arguments.profile}:
            found = connectable(str(listener.get("address")), "/status"), bool(listener.get("tls"))
            return found, listener.get("profile") is not None
    message = Message("caller-address-open", "the configuration does not say which address callers use")
    raise ConfigurationError((Fault(OPTION, message, Text("name it with --gateway")),))


def _listed(status: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    found = (status or {}).get("listeners")
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def _key(arguments: argparse.Namespace) -> tuple[Secret | None, tuple[Text, ...]]:
    if arguments.key_file is not None:
        text, warnings = read_key_file(arguments.key_file, "--key-file")
        return read_key(text, "--key-file"), warnings
    text = os.environ.get(KEY_VARIABLE, "")  # noqa: TID251 - a command's own key
    return (read_key(text, KEY_VARIABLE) if text else None), ()
