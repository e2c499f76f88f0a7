"""Value: where the status of the gateway comes from.

Owns the list of the parts that are asked. Refuses to ask them: `status_report` does, when the status is requested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from fla_gateway.admin.status.in_doubt_calls import DoubtfulCalls
from fla_gateway.clock import Clock
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.oauth.negotiations import Negotiation
from fla_gateway.observe.unknown_callers import UnknownCalls
from fla_gateway.runtime.data_path import DataPath
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.runtime.reload_state import ReloadState

if TYPE_CHECKING:  # read where alerts are configured
    from fla_gateway.observe.alerts.alert import AlertNumbers


@dataclass(frozen=True, slots=True)
class StatusSources:
    """Where a status comes from.

    Attributes:
        gateway: gives the generation that is current when it is asked.
        observation: what watched it.
        doubts: remembers calls in doubt.
        state: gives the reason of /readyz.
        clock: the host's clocks.
        started: when the process began, in seconds since 1970.
        reload: gives what became of the last reload.
        offsets: gives the seconds by which token servers' clocks are ahead of this host's, by server.
        negotiations: gives the last attempts to get the token that a request is for, the latest first.
        last_token: gives the time of the last token by a key (`TokenRequest.key_id`), in seconds since 1970; or None.
        unknown_callers: gives the calls without a valid credential, at a moment of both clocks.
        alerts: gives what became of alerts, by the way out.
        admin_tls: what the admin listener speaks TLS with; empty for plain HTTP.
    """

    gateway: DataPath
    observation: Observation
    doubts: DoubtfulCalls
    state: Callable[[], str]
    clock: Clock
    started: float
    reload: Callable[[], ReloadState]
    offsets: Callable[[], Mapping[str, float]] = dict
    negotiations: Callable[[TokenRequest], tuple[Negotiation, ...]] = lambda _: ()
    last_token: Callable[[str], float | None] = lambda _: None
    unknown_callers: Callable[[float, float], UnknownCalls | None] = lambda *_: None
    alerts: Callable[[], Mapping[str, AlertNumbers]] = dict
    admin_tls: list[Any] = field(default_factory=list)
