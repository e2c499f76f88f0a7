"""Owner of what looks for alerts: once a minute it reads what holds, and has said what is new.

Owns the pace, what belongs into one letter, and the ways out from one configuration to the next. Refuses to judge
(`observe.alerts.conditions`, `observe.alerts.ledger`) and to send (`observe.alerts.outbox`). Nothing of a call passes
here: states are read that other parts keep anyway.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog

from fla_gateway.config.schema import Configuration
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.alerts import conditions
from fla_gateway.observe.alerts.alert import MOST_IN_A_LETTER, Alert, AlertNumbers, Condition, Letter
from fla_gateway.observe.alerts.ledger import Ledger
from fla_gateway.observe.alerts.outbox import Channel, Outbox
from fla_gateway.observe.expiries import Expiry
from fla_gateway.runtime.composition.alert_channels import alert_channels, channel_key
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.monitoring.known_expiries import known_expiries
from fla_gateway.runtime.monitoring.status_sources import StatusSources

LOOK_SECONDS: Final = 60.0
"""Between two looks, and before the first: a process that ends within it, again and again, sends nothing."""
LETTER_SECONDS: Final = 300.0
"""Between two letters: what is found meanwhile is said in one."""
_WAYS: Final = ("mail", "webhook")

_LOG = structlog.get_logger()


class AlertWatch:
    """Looks and sends."""

    def __init__(self, configured: Configured, dialer: Dialer) -> None:
        """Take the ways out of the first configuration; nothing is opened.

        Args:
            configured: the first configuration.
            dialer: that of the process.

        Raises:
            ConfigurationError: a file that `[alerts]` names cannot be used.
        """
        self._dialer = dialer
        self._channels = alert_channels(configured, dialer)
        self._key = channel_key(configured.settings.configuration, configured.files)
        self._outboxes: dict[str, Outbox] = {}
        self._ledger = Ledger()
        self._tokens: dict[str, float] = {}
        self._waiting: list[Alert] = []
        self._said = float("-inf")

    def prepare(self, configured: Configured) -> Callable[[], None]:
        """Prepare to follow a configuration, in any thread; what is returned follows, on the event loop's.

        Raises:
            ConfigurationError: as when it is made.
        """
        key = channel_key(configured.settings.configuration, configured.files)
        if key == self._key:
            # Roots take a while to be read, and a server that was down is none the better for another reason.
            return lambda: None
        channels = alert_channels(configured, self._dialer)
        return lambda: self._follow(channels, key)

    def numbers(self) -> Mapping[str, AlertNumbers]:
        """Give what became of alerts, by the way out; of those alone that are configured."""
        return {name: it.numbers for name, it in self._outboxes.items() if it.is_open}

    async def run(self, sources: StatusSources) -> None:
        """Look and send until cancelled; what was not sent by then is logged.

        Args:
            sources: what is looked at.
        """
        self.begin(sources)
        try:
            async with asyncio.TaskGroup() as tasks:
                for outbox in self._outboxes.values():
                    tasks.create_task(outbox.run())
                while True:
                    await asyncio.sleep(LOOK_SECONDS)
                    self._look_safely(sources)
        finally:
            for outbox in self._outboxes.values():
                outbox.give_up("stopping")

    def begin(self, sources: StatusSources) -> None:
        """Make what keeps letters; on the running loop."""
        self._outboxes = {name: Outbox(name, sources.clock) for name in _WAYS}
        self._follow(self._channels, self._key)

    def look(self, sources: StatusSources) -> None:
        """Have said what is new, if there is a way out."""
        if not any(it.is_open for it in self._outboxes.values()):
            return
        now, wall = sources.clock.monotonic(), sources.clock.wall()
        current = sources.gateway.current.generation.profiles
        self._waiting += self._ledger.update(self._conditions(sources, now, wall), current, now, wall)
        if self._waiting and now >= self._said + LETTER_SECONDS:
            self._said = now
            listed, self._waiting = self._waiting[:MOST_IN_A_LETTER], self._waiting[MOST_IN_A_LETTER:]
            letter = Letter(str(uuid.uuid4()), wall, tuple(listed), len(self._waiting))
            self._waiting = []
            for outbox in self._outboxes.values():
                if outbox.is_open:
                    outbox.put(letter)

    def _look_safely(self, sources: StatusSources) -> None:
        try:
            self.look(sources)
        except Exception as error:  # noqa: BLE001 - a task that ends would say nothing any more, silently
            _LOG.error("alerting-failed", error=type(error).__name__, exc_info=error)

    def _follow(self, channels: tuple[Channel, ...], key: tuple[object, ...]) -> None:
        self._channels, self._key = channels, key
        by_name = {it.name: it for it in channels}
        for name, outbox in self._outboxes.items():
            outbox.follow(by_name.get(name))

    def _conditions(self, sources: StatusSources, now: float, wall: float) -> Iterator[Condition]:
        profiles = sources.gateway.current.generation.profiles
        moment = datetime.fromtimestamp(wall, UTC)
        yield from conditions.of_expiries(_ends_that_matter(sources), moment)
        unavailable = [name for name, it in profiles.items() if it.state == "unavailable"]
        yield from conditions.of_profiles(unavailable, self._token_troubles(sources, wall))
        failing = sources.observation.health.failing(now, wall)
        yield from conditions.of_apis((it for it in failing if it.profile in profiles), wall)
        yield from conditions.of_doubts(sources.doubts.number)
        reload = sources.reload()
        yield from conditions.of_reload(len(reload.faults), refused=not reload.successful)

    def _token_troubles(self, sources: StatusSources, wall: float) -> list[conditions.TokenTrouble]:
        """Name the profiles without a token, since their first failure: the token engine knows the last one alone."""
        failing = {it.request: it for it in sources.gateway.tokens.failing()}
        found: list[conditions.TokenTrouble] = []
        for name, served in sources.gateway.current.generation.profiles.items() if failing else ():
            token = failing.get(served.profile.token_request)
            if served.state != "served" or token is None or token.last_failure is None:
                continue
            if token.state in {"none", "expired"}:
                latest = wall - token.last_failure.seconds_ago
                since = self._tokens.get(name, latest)
                found.append(conditions.TokenTrouble(name, token.last_failure.code, since, latest))
        self._tokens = {it.profile: it.since for it in found}
        return found


def _ends_that_matter(sources: StatusSources) -> Iterator[Expiry]:
    """Leave out keys that are meant to end: those that no profile uses, and those of a caller that has a longer one."""
    configuration = sources.gateway.current.configured.settings.configuration
    for end in known_expiries(sources):
        if end.kind == "certificate" and not end.profiles:
            continue
        if end.kind == "caller-key" and _has_longer_key(end, configuration):
            continue
        yield end


def _has_longer_key(end: Expiry, configuration: Configuration) -> bool:
    caller = configuration.callers.get(end.name.partition(" ")[0])
    keys = () if caller is None else caller.keys
    return any(it.expires is None or it.expires > end.ends.timestamp() for it in keys)
