"""Rule: which changes of a configuration open more, or keep less, than before.

Owns that list. Refuses to know who asked for a reload, and what follows from the answer (`reload_preparation`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fla_gateway.config.document.key_path import place
from fla_gateway.config.rules.listener_specs import OTHERS, ListenerSpec, listener_specs
from fla_gateway.config.schema import OBSERVE, Audit, Configuration
from fla_gateway.config.values.address import AbstractAddress, TcpAddress, UnixAddress, is_loopback


def opens_more(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Name the keys by which more is open, or less is kept, than before: a file watch never applies those by itself.

    No callers are left, the journal or TLS is gone, a listener is wider, or a switch says so (`unsafe_*`, `anonymous`,
    `[admin] actions`). Or the journal keeps less: a number of days whose last digit is not written yet would remove
    years of it. Or a list of `allow` became `observe`.
    """
    return tuple(_opening(old, new))


def _opening(old: Configuration, new: Configuration) -> Iterator[str]:
    if old.callers and not new.callers:
        yield "callers"
    yield from _kept_less(old.audit, new.audit)
    yield from _opened_listeners(list(listener_specs(old)), list(listener_specs(new)))
    yield from _opened_switches(old, new)
    for name, profile in new.profiles.items():
        if profile.anonymous and not (name in old.profiles and old.profiles[name].anonymous):
            yield place(("profiles", name, "anonymous"))
    for name, caller in new.callers.items():
        before = old.callers[name].allow if name in old.callers else {}
        for allowed, entries in caller.allow.items():
            if entries[0].split(" ")[0] == OBSERVE and before.get(allowed) != entries:
                yield place(("callers", name, "allow", allowed))


def _opened_switches(old: Configuration, new: Configuration) -> Iterator[str]:
    for name in ("unsafe_allow_anonymous", "unsafe_cleartext"):
        if getattr(new.gateway, name) and not getattr(old.gateway, name):
            yield f"gateway.{name}"
    if new.admin.actions and not old.admin.actions:
        yield "admin.actions"
    if _mails_openly(new) and not _mails_openly(old):
        yield "alerts.mail.unsafe_cleartext"


def _mails_openly(configuration: Configuration) -> bool:
    alerts = configuration.alerts
    return alerts is not None and alerts.mail is not None and alerts.mail.unsafe_cleartext


def _kept_less(old: Audit | None, new: Audit | None) -> Iterator[str]:
    if old is None:
        return
    if new is None:
        yield "audit"
        return
    if new.retention_days < old.retention_days:
        yield "audit.retention_days"
    if new.on_failure == "continue" != old.on_failure:
        yield "audit.on_failure"


def _opened_listeners(old: list[ListenerSpec], new: list[ListenerSpec]) -> Iterator[str]:
    widest = max(map(_width, old), default=0)
    for door in new:
        before = next((it for it in old if it.address == door.address), None)
        if before is None:
            # Beyond loopback every further address is a further network.
            if _width(door) > min(widest, _LOOPBACK):
                yield door.place
            continue
        if before.listener.tls is not None and door.listener.tls is None:
            yield f"{door.place}.tls"
        if isinstance(door.address, UnixAddress) and (
            door.mode & ~before.mode or (door.mode & OTHERS and door.listener.group != before.listener.group)
        ):
            yield door.place


_LOOPBACK: Final = 2


def _width(door: ListenerSpec) -> int:
    """Return how many can connect: 0 the owner alone, 1 a group or all users of a socket, 2 this machine, 3 beyond."""
    if isinstance(door.address, TcpAddress):
        return _LOOPBACK if is_loopback(door.address) else _LOOPBACK + 1
    if isinstance(door.address, AbstractAddress):
        return _LOOPBACK
    return int(not door.is_private)
