"""Root: one test alert, outside of a running gateway.

Owns the wiring for `fla-gateway alert test`. Refuses to try twice, and to print.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection

from fla_gateway.clock import Clock
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.alerts.alert import Alert, Condition, Letter
from fla_gateway.observe.alerts.outbox import Channel, NotDeliveredError, Waiting
from fla_gateway.runtime.composition.alert_channels import alert_channels
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.default_executor import UnwaitedExecutor


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a test alert.

    Attributes:
        name: of the way out.
        place: which server it is, without anything secret.
        answer: what the server said, where it took it.
        refused: recipients that were refused.
        failure: why it was not taken, or None.
    """

    name: str
    place: str
    answer: Text = NOTHING
    refused: int = 0
    failure: NotDeliveredError | None = None

    @property
    def taken(self) -> bool:
        """Whether it was taken, for every recipient."""
        return self.failure is None and not self.refused


def try_channels(configured: Configured, wanted: Collection[str], clock: Clock) -> tuple[Tried, ...]:
    """Send a test alert once by each way out.

    Args:
        configured: the configuration.
        wanted: names of the ways out; empty: all that are configured. Nothing is sent where one is missing.
        clock: the host's clocks.

    Returns:
        What came of it, for those that are configured; with `wanted`, those of them alone.

    Raises:
        ConfigurationError: a file that `[alerts]` names cannot be used.
    """
    channels = [it for it in alert_channels(configured, Dialer(clock.monotonic)) if not wanted or it.name in wanted]
    if len(channels) < len(wanted):
        return ()
    wall = clock.wall()
    what = Text("This is a test: a person has run fla-gateway alert test.")
    condition = Condition("test", "", what, "", Text("Nothing has to be done."))
    letter = Letter(str(uuid.uuid4()), wall, (Alert("raised", condition, wall, wall),))
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())
        return runner.run(_all(channels, letter))


async def _all(channels: Collection[Channel], letter: Letter) -> tuple[Tried, ...]:
    return tuple(await asyncio.gather(*(_try(it, letter) for it in channels)))


async def _try(channel: Channel, letter: Letter) -> Tried:
    try:
        delivered = await channel.send(Waiting(letter, 0.0))
    except NotDeliveredError as error:
        return Tried(channel.name, channel.place, failure=error)
    return Tried(channel.name, channel.place, delivered.answer, delivered.refused)
