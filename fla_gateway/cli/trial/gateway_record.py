"""Adapter: what the running gateway recorded of a call, by /status.

Owns how a call is found there: by the BelGov-Trace-Id that it carried. Refuses to insist: where no gateway answers, or
it does not show itself to this user, there is nothing.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from fla_gateway.cli.options.admin_client import target_of
from fla_gateway.cli.remote.admin_connection import NoGatewayError, NotSentError
from fla_gateway.cli.remote.admin_request import ask
from fla_gateway.errors import ConfigurationError

_OK: Final = 200
_SECONDS: Final = 1.1
"""/status is made once a second at most, so one of before the call may be shown for so long."""


def status_of(arguments: argparse.Namespace) -> Mapping[str, Any] | None:
    """Return what the running gateway shows of itself; None if none answers, or not to this user."""
    try:
        answer = ask(target_of(arguments, configuration=getattr(arguments, "reported_config", None)), "GET", "/status")
    except (ConfigurationError, NoGatewayError, NotSentError):
        return None
    return answer.document if answer.status == _OK else None


def recorded(arguments: argparse.Namespace, trace: str, ended: float) -> Mapping[str, Any] | None:
    """Return the gateway's record of a call; None where it has none, or does not show it.

    Args:
        arguments: of a command with `add_config` and `add_admin`.
        trace: the BelGov-Trace-Id that the call carried.
        ended: when the call ended, in seconds since 1970.
    """
    status = status_of(arguments)
    found = _found(status, trace)
    if found is None and status is not None and _time(status) < ended:
        time.sleep(_SECONDS)
        found = _found(status_of(arguments), trace)
    return found


def _found(status: Mapping[str, Any] | None, trace: str) -> Mapping[str, Any] | None:
    recent = (status or {}).get("recent")
    calls = [it for it in recent if isinstance(it, dict)] if isinstance(recent, list) else []
    return next((it for it in calls if it.get("trace_caller") == trace), None)


def _time(status: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(status.get("time"))).timestamp()
    except ValueError:
        return math.inf
