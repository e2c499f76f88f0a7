"""Adapter: what the running gateway knows of a profile, for a diagnosis beside it.

Owns the reading of /status back into values. Refuses to insist: where no gateway answers, or it does not show itself to
this user, there is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fla_gateway.cli.options.admin_client import target_of
from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError
from fla_gateway.cli.remote.admin_request import ask
from fla_gateway.errors import ConfigurationError
from fla_gateway.i18n.message import Text
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.runtime.composition.diagnosis import Running

if TYPE_CHECKING:  # `--help` must not wait for it
    import argparse
    from pathlib import Path

_OK = 200
_NONE: Final = Text("no gateway runs with this configuration on this machine, or its status page cannot be reached")
_OTHER: Final = Text("it does not have this profile yet: reload its configuration")
_STRANGE: Final = Text("it is of another version, and what it says cannot be read")


def running_profile(arguments: argparse.Namespace, configuration: Path, name: str) -> Running:
    """Ask the running gateway for one profile.

    Args:
        arguments: those of the command line.
        configuration: the one that was read already.
        name: of the profile.
    """
    try:
        target = target_of(arguments, configuration=configuration)
        answer = ask(target, "GET", f"/status?profile={quote(name, safe='')}")
    except (ConfigurationError, NoGatewayError, NotSentError):
        return Running(why_unknown=_NONE)
    if answer.status != _OK:
        return Running(why_unknown=Text("it does not show itself to this user ({status})", status=answer.status))
    found = [it for it in answer.document.get("profiles", ()) if it.get("name") == name]
    try:
        return _read(found[0]) if found else Running(why_unknown=_OTHER)
    except (KeyError, TypeError, ValueError):
        return Running(why_unknown=_STRANGE)


def _read(profile: Mapping[str, Any]) -> Running:
    token = profile.get("token") or {}
    return Running(
        float(token.get("backoff_seconds", 0)),
        tuple(_negotiation(it) for it in profile.get("negotiations", ())),
        tuple(_failing(it) for it in profile.get("failing", ())),
    )


def _failing(one: Mapping[str, Any]) -> tuple[str, str, str]:
    since = datetime.fromisoformat(one["since"])
    return str(one["service"]), f"{since:%Y-%m-%d %H:%M:%S}", str(one["reason"])


def _negotiation(one: Mapping[str, Any]) -> Negotiation:
    ends = one["certificate_ends"]
    values = {name: one[name] for name in Negotiation.__dataclass_fields__ if name in one}
    return Negotiation(
        **{
            **values,
            "time": datetime.fromisoformat(one["time"]).timestamp(),
            "certificate_ends": None if ends is None else datetime.fromisoformat(ends),
        }
    )
