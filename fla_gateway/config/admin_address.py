"""Adapter: where the admin listener of a configuration is, also while other tables of it are faulty.

Owns the reading of this one key, for the commands that call a running gateway. Refuses to judge anything else: what is
wrong elsewhere is what that gateway is asked about.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from fla_gateway.config.document.expand import Expander
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.document.schema_check import MisfitsError, check
from fla_gateway.config.document.schema_errors import schema_faults
from fla_gateway.config.document.unjudged import read_unjudged
from fla_gateway.config.gateway_tables import Listener
from fla_gateway.config.schema import Configuration
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

_CURE: Final = Text("mend it, or name the admin listener with --admin")


def read_admin_listener(path: Path, environ: Mapping[str, str] | None = None) -> Listener:
    """Read `[admin] listen`, or its default where the configuration does not have it.

    Args:
        path: the configuration file.
        environ: environment variables; those of the process by default.

    Raises:
        ConfigurationError: it cannot be known, because a file that may have it cannot be read, or itself is faulty.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    variables = os.environ if environ is None else environ  # noqa: TID251 - as load.py, for the one key read here
    documents, faults = read_unjudged(path, FileSnapshot())
    for file, document in documents:
        admin = document.get("admin")
        if isinstance(admin, dict) and "listen" in admin:
            return _listener(file, admin["listen"], variables)
    if faults:
        message = Message("admin-address-unknown", "cannot be read, and may have the address of the admin listener")
        raise ConfigurationError((*faults, Fault("", message, _CURE, path.name)))
    return Configuration().admin.listen


def _listener(file: Path, value: object, environ: Mapping[str, str]) -> Listener:
    expander = Expander(file.name, file.parent, environ)
    document = expander.expand({"admin": {"listen": value}})
    faults = [fault for _, fault in expander.faults]
    if not faults:
        try:
            return check(Configuration, document).admin.listen
        except MisfitsError as error:
            faults = [replace(fault, file=file.name) for _, fault in schema_faults(error.misfits, document)]
    raise ConfigurationError(tuple(faults))
