"""Adapter: which certificates and keys of a configuration end soon, as faults for `fla-gateway check`.

Owns the words. Refuses to judge how soon is soon; `observe.expiries` does, for log and page as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message

if TYPE_CHECKING:  # `--help` must not wait for the configuration
    from fla_gateway.runtime.composition.resolved_config import Configured


def expiries_of(configured: Configured, now: datetime) -> Iterator[Fault]:
    """Name what ends soon, or has ended; certificates of signing keys are named with their profiles."""
    from fla_gateway.config.rules.listener_specs import encrypted  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.config.values.timestamps import written  # noqa: PLC0415 - as above
    from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - as above
    from fla_gateway.observe.expiries import soon  # noqa: PLC0415 - as above
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - as above
    from fla_gateway.runtime.monitoring.known_expiries import key_expiries, listener_expiries  # noqa: PLC0415 - as above

    configuration = configured.settings.configuration
    shown = encrypted(configuration)
    contexts = [(f"{place}.certificate", server_context(tls, place, configured.files)) for place, tls in shown]
    for end in soon([*listener_expiries(contexts), *key_expiries(configuration)], now):
        place = {"caller-key": f"callers.{end.name}", "admin-key": f"admin.key {end.name}"}.get(end.kind, end.name)
        moment = written(end.ends.timestamp())
        if end.ends <= now:
            message = Message("has-expired", "expired on {moment}", moment=moment)
        else:
            message = Message("expires-soon", "expires on {moment}", moment=moment)
        yield Fault(printable(place), message, end.cure(now))
