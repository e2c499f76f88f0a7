"""Root: who verifies the service accounts of a Kubernetes cluster.

Owns the joining of the cluster's keys with the rule that uses them. Refuses to import either where `[kubernetes]` is
not configured.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from fla_gateway.clock import Clock
from fla_gateway.config.schema import Kubernetes

if TYPE_CHECKING:
    from fla_gateway.access.service_accounts import ServiceAccounts


async def cluster_accounts(table: Kubernetes | None, clock: Clock, stack: AsyncExitStack) -> ServiceAccounts | None:
    """Get the cluster's keys and keep them at hand until the stack is closed; None where there is no cluster.

    Args:
        table: `[kubernetes]`, or None.
        clock: the host's clocks.
        stack: ends what is begun here.

    Raises:
        ConfigurationError: the roots for the cluster cannot be read.
    """
    if table is None:
        return None
    from fla_gateway.access.service_accounts import ServiceAccounts  # noqa: PLC0415 - joserfc is read where needed
    from fla_gateway.runtime.cluster_keys import ClusterKeys  # noqa: PLC0415 - as above

    keys = ClusterKeys(table, clock)
    stack.push_async_callback(keys.close)
    await keys.start()
    # Not in a group of tasks: a fault of the start would come out of that as a group, which nobody expects.
    stack.push_async_callback(_end, asyncio.get_running_loop().create_task(keys.run(), name="cluster-keys"))
    return ServiceAccounts(keys, table.issuer, table.audience, clock)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
