"""What the commands share that read a configuration: the option, and which file is meant without it.

Owns the order in which a file is looked for, and which file is taken without being named. Refuses to read it;
`runtime.composition.resolved_config` does, and is imported by a command only when it runs.
"""

from __future__ import annotations

import argparse
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.i18n.message import Message, Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from collections.abc import Mapping

VARIABLE: Final = "FLA_GATEWAY_CONFIG"
LOCAL_FILE: Final = Path("gateway.toml")
SYSTEM_FILE: Final = Path("/etc/fla-gateway/gateway.toml")
_ROOT: Final = 0


def add_config(parser: argparse.ArgumentParser) -> None:
    """Declare ``--config FILE``."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help=Text(
            "the configuration (default: what {variable} names, ./{local}, or {system})",
            variable=VARIABLE,
            local=LOCAL_FILE,
            system=SYSTEM_FILE,
        ),
    )


def config_of(arguments: argparse.Namespace) -> Path:
    """Find the configuration that is meant, and print on standard error which one it is.

    Raises:
        ConfigurationError: no file is named and none is found, or the one that is found is not taken unasked.
    """
    path = find_config(arguments)
    if getattr(arguments, "reported_config", None) != path:
        # A command may read it more than once.
        report_config(path)
        arguments.reported_config = path
    return path


def find_config(arguments: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Path:
    """Find the configuration that is meant: that of the option, of the variable, of the folder, of the machine.

    Raises:
        ConfigurationError: as `config_of`.
    """
    if arguments.config is not None:
        return Path(arguments.config)
    named = (os.environ if environ is None else environ).get(VARIABLE)  # noqa: TID251 - which file, before any is read
    if named:
        return Path(named)
    if LOCAL_FILE.exists():
        _judge_unnamed(LOCAL_FILE)
        return LOCAL_FILE
    if SYSTEM_FILE.exists():
        return SYSTEM_FILE
    message = Message(
        "configuration-not-found",
        "no configuration: there is neither {local} nor {system}",
        local=LOCAL_FILE.absolute(),
        system=SYSTEM_FILE,
    )
    cure = Text("name one with --config FILE or {variable}; `fla-gateway init` makes one", variable=VARIABLE)
    raise ConfigurationError((Fault("--config", message, cure),))


def report_config(path: Path) -> None:
    """Print on standard error which file is read."""
    complain(Text("configuration: {path}", path=path.absolute()))


def _judge_unnamed(path: Path) -> None:
    """Refuse a file of the working directory that another user may have put there or written to.

    Raises:
        ConfigurationError: with what is wrong.
    """
    real = path.resolve()
    for one in dict.fromkeys((real, path.absolute().parent, real.parent)):
        seen = one.stat()
        if seen.st_uid not in (_ROOT, os.geteuid()):
            message = Message(
                "configuration-of-another-user",
                "is not taken without being named: {path} belongs to another user (uid {uid})",
                path=one,
                uid=str(seen.st_uid),
            )
        elif _others_may_write(seen):
            message = Message(
                "configuration-writable-by-others",
                "is not taken without being named: other users may write to {path}",
                path=one,
            )
        else:
            continue
        cure = Text("name it with --config, if it is the one that is meant")
        raise ConfigurationError((Fault("", message, cure, str(path.absolute())),))


def _others_may_write(seen: os.stat_result) -> bool:
    """Return whether a user beside the owner and root may write; a group that is the user's own has no other member."""
    if seen.st_mode & stat.S_IWOTH:
        return True
    return bool(seen.st_mode & stat.S_IWGRP) and not _is_private_group(seen.st_gid)


def _is_private_group(number: int) -> bool:
    """Return whether a group is of this user alone: of the same name, as useradd makes it, and without members."""
    import grp  # noqa: PLC0415 - not on every platform
    import pwd  # noqa: PLC0415 - as above

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(number)
    except KeyError:
        return False
    return user.pw_gid == number and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
