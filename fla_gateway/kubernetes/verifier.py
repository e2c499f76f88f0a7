"""Root: makes the verifier of the service accounts of a Kubernetes cluster.

Owns the joining of the cluster's keys with the rule that uses them, and how often a refusal is logged. Refuses to
import either where `[kubernetes]` is not configured.
"""

from __future__ import annotations

import math
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import structlog

from fla_gateway.background_task import run_beside
from fla_gateway.clock import Clock
from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.schema import Kubernetes
from fla_gateway.network.dialer import Dialer

if TYPE_CHECKING:  # read where it is configured
    from fla_gateway.kubernetes.service_account_tokens import Reason, ServiceAccounts

_LOG = structlog.get_logger()
_QUIET_SECONDS: Final = 60.0


async def cluster_accounts(
    table: Kubernetes | None,
    clock: Clock,
    stack: AsyncExitStack,
    dialer: Dialer | None = None,
    files: FileSnapshot | None = None,
) -> ServiceAccounts | None:
    """Read the cluster's keys and keep them fresh until the stack is closed; None where there is no cluster.

    Args:
        table: `[kubernetes]`, or None.
        clock: the host's clocks.
        stack: ends what is begun here.
        dialer: that of the process; by default one of its own.
        files: those that were read with the configuration.

    Raises:
        ConfigurationError: the roots for the cluster cannot be read.
    """
    if table is None:
        return None
    from fla_gateway.kubernetes.jwks_cache import ClusterKeys  # noqa: PLC0415 - as above
    from fla_gateway.kubernetes.service_account_tokens import ServiceAccounts  # noqa: PLC0415 - joserfc is read where needed

    keys = ClusterKeys(table, clock, dialer=dialer, files=files)
    stack.push_async_callback(keys.close)
    await keys.start()
    run_beside(keys.run(), "cluster-keys", stack)
    return ServiceAccounts(keys, table.issuer, table.audience, clock, _RejectionLog(clock).report)


class _RejectionLog:
    """Logs why tokens are refused, each reason at most once a minute: any client can send wrong ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reported_at: dict[Reason, float] = {}

    def report(self, reason: Reason) -> None:
        now = self._clock.monotonic()
        if now >= self._reported_at.get(reason, -math.inf) + _QUIET_SECONDS:
            self._reported_at[reason] = now
            _LOG.warning("service-account-refused", reason=reason.value)
