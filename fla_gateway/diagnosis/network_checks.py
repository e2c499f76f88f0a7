"""Adapter: the way to a server, hop by hop: name, corporate proxy, TCP, TLS.

Owns the checks of a branch's way. Refuses to put a failure into words: `network.connection_errors` does, for this and
for every other connection; and to know what is asked of the server.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from fla_gateway.config.rules.environments import PRESETS
from fla_gateway.diagnosis.findings import HOPS, Branch, Check, skip
from fla_gateway.diagnosis.inspecting_proxies import inspecting_product
from fla_gateway.diagnosis.presented_chain import Presented, SilentProtocol, presented_certificates
from fla_gateway.i18n.message import NOTHING, Text, joined
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.address import Address
from fla_gateway.network.connection_errors import CHECK_NAME, NoConnectionError, Obstacle, Stage
from fla_gateway.network.dialer import MOST_ADDRESSES, STAGGER_SECONDS, Dialer
from fla_gateway.network.phase_timer import Phase, PhaseTimer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Route

SECONDS: Final = 8.0
"""For one way, all addresses together; longer than a call waits, since here a slow way is a finding."""
PROBE_SECONDS: Final = 3.0
"""For the TCP connection to each single address."""
SLOW_SECONDS: Final = 1.0
"""From which on a hop that was gone is a finding."""
_NOT_REACHED: Final = Text("not reached: an earlier step failed")
_SLOW: Final = Text("it is slow; calls wait for it each time that a connection is opened")
_PHASES: Final[dict[Stage, Phase]] = {
    Stage.NAME: "dns", Stage.TCP: "tcp", Stage.TUNNEL: "proxy", Stage.TLS: "tls",
}  # fmt: skip
_NO_NAME_SERVER: Final = Text("no name server answers this machine")
_ONLY_INTERNAL: Final = Text(
    "the name servers of this network know no names of the internet; then a corporate proxy leads there, and has to be "
    "configured (egress.proxy)"
)
_MISSPELT_OR_INTERNAL: Final = Text("the name is misspelt, or {other}", other=_ONLY_INTERNAL)


@dataclass(frozen=True, slots=True)
class Hops:
    """What the way is gone with.

    Attributes:
        tls: verifies the server, as for a call.
        dialer: opens the connection, as for a call.
        resolver: finds addresses, as for a call.
        own_roots: whether authorities of the company are trusted beside the public ones.
        now: seconds since 1970, by this host's clock.
        seconds: see `SECONDS`.
        probe_seconds: see `PROBE_SECONDS`.
        slow_seconds: see `SLOW_SECONDS`.
    """

    tls: ssl.SSLContext
    dialer: Dialer
    resolver: Resolver
    own_roots: bool
    now: float
    seconds: float = SECONDS
    probe_seconds: float = PROBE_SECONDS
    slow_seconds: float = SLOW_SECONDS


@dataclass(frozen=True, slots=True)
class _Found:
    """What was seen of one way."""

    route: Route
    addresses: tuple[Address, ...]
    silent: tuple[Address, ...]
    authority: Text
    seconds: dict[str, float]
    failure: NoConnectionError | None
    presented: tuple[Presented, ...]


class _Verified(SilentProtocol):
    """Ends as soon as the connection is verified."""

    authority: Text = NOTHING

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who vouches for the server, and close."""
        issuer = dict(pair[0] for pair in (transport.get_extra_info("peercert") or {}).get("issuer", ()) if pair)
        name = issuer.get("organizationName") or issuer.get("commonName")
        self.authority = Text("issued by {name}", name=name) if name else Text("verified")
        transport.abort()  # type: ignore[attr-defined]  # of TLS, which aborts


async def check_way(branch: Branch, route: Route, hops: Hops) -> tuple[Check, ...]:
    """Go a way to its end, and say of each hop how far it came.

    Args:
        branch: what the checks belong to.
        route: the way.
        hops: what it is gone with.
    """
    timer = PhaseTimer(asyncio.get_running_loop().time)
    failure, authority = None, NOTHING
    try:
        made = await hops.dialer.open(route, hops.tls, _Verified, hops.seconds, timer)
        authority = made.authority
        await made.lost
    except NoConnectionError as error:
        failure = error
    seconds: dict[str, float] = dict(timer.seconds)
    named = failure is None or failure.stage is not Stage.NAME
    addresses = await _addresses(route, hops) if named else ()
    accepted = failure is None or failure.stage.value > Stage.TCP.value
    silent = await _silent(route, addresses, hops.probe_seconds) if accepted and len(addresses) > 1 else ()
    untrusted = failure is not None and failure.stage is Stage.TLS
    presented = await presented_certificates(route, addresses) if untrusted else ()
    found = _Found(route, addresses, silent, authority, seconds, failure, presented)
    return tuple(_checks(branch, found, hops))


def _checks(branch: Branch, found: _Found, hops: Hops) -> Iterator[Check]:
    for stage in Stage:
        code, description = HOPS[_PHASES[stage]]
        seconds = found.seconds.get(_PHASES[stage])
        if stage is Stage.TUNNEL and found.route.proxy is None:
            continue
        if found.failure is None or stage.value < found.failure.stage.value:
            yield _gone(branch, stage, found, seconds, hops)
        elif stage is found.failure.stage:
            cause = joined(_presented(it, hops.now) for it in found.presented)
            if stage is Stage.NAME:
                cause = _why_unresolved(found.failure, found.route)
            yield Check(
                code, branch, description, "fatal", found.failure.seen, cause, _cure(found),
                seconds=seconds, shared=found.failure.seen,
            )  # fmt: skip
        else:
            yield skip(code, branch, description, _NOT_REACHED)


def _why_unresolved(failure: NoConnectionError, route: Route) -> Text:
    if failure.cure != CHECK_NAME:
        return _NO_NAME_SERVER
    if route.proxy is not None:
        return NOTHING
    # The presets' hosts are spelt rightly.
    is_official = any(route.destination.host == it.host for it in PRESETS.values())
    return _ONLY_INTERNAL if is_official else _MISSPELT_OR_INTERNAL


def _gone(branch: Branch, stage: Stage, found: _Found, seconds: float | None, hops: Hops) -> Check:
    """Write the check of a hop that was gone, slow or not."""
    (code, description), seen = HOPS[_PHASES[stage]], _seen(stage, found)
    shared = seen if stage is Stage.TLS and not hops.own_roots else NOTHING
    if stage is Stage.TCP and found.silent:
        cure = Text("nothing fails: calls use the other addresses, after {seconds} s", seconds=f"{STAGGER_SECONDS:g}")
        return Check(code, branch, description, "warning", seen, _why_silent(found), cure, seconds=seconds)
    if seconds is not None and seconds > hops.slow_seconds:
        return Check(code, branch, description, "warning", seen, _SLOW, seconds=seconds, shared=shared)
    ruled_out = _ruled_out(stage, found.route, own_roots=hops.own_roots)
    return Check(code, branch, description, "ok", seen, rules_out=ruled_out, seconds=seconds, shared=shared)


def _ruled_out(stage: Stage, route: Route, *, own_roots: bool) -> Text:
    if stage is Stage.NAME:
        return Text("the name servers")
    if stage is Stage.TCP:
        return Text("a firewall before the corporate proxy") if route.proxy else Text("a firewall that blocks the port")
    if stage is Stage.TUNNEL:
        return Text("the corporate proxy")
    # A proxy that inspects, and whose authority is trusted here, is passed without being noticed.
    return Text("missing authorities") if own_roots else Text("an inspecting proxy, and missing authorities")


def _seen(stage: Stage, found: _Found) -> Text:
    first = found.route.first_hop
    if stage is Stage.NAME:
        return Text(
            "{host}: IPv4 {four}; IPv6 {six}",
            host=first.host,
            four=_shown(found.addresses, socket.AF_INET),
            six=_shown(found.addresses, socket.AF_INET6),
        )
    if stage is Stage.TCP:
        port = Text("{host}:{port}", host=first.host, port=first.port)
        if not found.silent:
            return port
        return Text("{port}; no answer from {addresses}", port=port, addresses=_shown(found.silent))
    if stage is Stage.TUNNEL:
        return Text("to {authority}", authority=found.route.destination.authority)
    product = inspecting_product(found.authority)
    if not product:
        return found.authority
    return Text("{authority}: {product} opens the connection, and is trusted here", authority=found.authority,
                product=product)  # fmt: skip


def _why_silent(found: _Found) -> Text:
    families = {it.family for it in found.silent}
    others = {it.family for it in found.addresses if it not in found.silent}
    if families == {socket.AF_INET6} and others == {socket.AF_INET}:
        return Text("this network does not carry IPv6 to there, although the name has IPv6 addresses")
    return Text("a firewall drops what goes to these addresses, or the machines behind them are down")


def _presented(one: Presented, now: float) -> Text:
    seen = Text(
        "What answers at {addresses} presents a certificate for {subject}{names}, issued by {issuer}, valid from "
        "{begin} until {end} (this host's clock says {now}); nothing proves it.",
        addresses=", ".join(one.addresses),
        subject=one.subject,
        names=Text(" ({names})", names=", ".join(one.names)) if one.names else NOTHING,
        issuer=one.issuer,
        begin=_minute(one.not_before),
        end=_minute(one.not_after),
        now=_minute(datetime.fromtimestamp(now, UTC)),
    )
    product = inspecting_product(one.issuer)
    if not product:
        return seen
    return Text("{seen} {product} issues such certificates where it opens TLS to inspect it.", seen=seen,
                product=product)  # fmt: skip


def _cure(found: _Found) -> Text:
    failure = found.failure
    if failure is None or failure.obstacle is not Obstacle.UNTRUSTED or not found.presented:
        return NOTHING if failure is None else failure.cure
    inspected = Text(
        "If that issuer is your company's, a proxy or a firewall opens the connection: ask its administrators to "
        "except {host}, or for the certificate of their authority (from them, never from the connection).",
        host=found.route.destination.host,
    )
    return joined((inspected, failure.cure))


async def _addresses(route: Route, hops: Hops) -> tuple[Address, ...]:
    try:
        # Name servers that have just answered may not answer now.
        async with asyncio.timeout(hops.seconds):
            return tuple(await hops.resolver.addresses(route.first_hop.host, stale=False))[:MOST_ADDRESSES]
    except OSError:
        return ()


async def _silent(route: Route, addresses: Sequence[Address], seconds: float) -> tuple[Address, ...]:
    """Find the addresses that do not even refuse a connection: only those cost time."""
    port = route.first_hop.port
    silent = await asyncio.gather(*(_is_silent(it.at(port), seconds) for it in addresses))
    return tuple(it for it, is_silent in zip(addresses, silent, strict=True) if is_silent)


async def _is_silent(address: Address, seconds: float) -> bool:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - of the library
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(sock, address.socket)
    except TimeoutError:
        return True
    except OSError:
        # A refusal comes at once.
        return False
    finally:
        sock.close()
    return False


def _shown(addresses: Sequence[Address], family: int | None = None) -> str:
    found = [str(it.socket[0]) for it in addresses if family in {None, it.family}]
    return ", ".join(found) or Text("none")


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
