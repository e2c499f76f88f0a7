"""Adapter: the way to a server, hop by hop: name, corporate proxy, TCP, TLS.

Owns the checks of a branch's way. Refuses to put a failure into words: `network.connection_errors` does, for this and
for every other connection; and to know what is asked of the server.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fla_gateway.diagnosis.findings import Branch, Check, skip
from fla_gateway.diagnosis.presented_chain import Presented, SilentProtocol, presented_certificate
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.network.connection_errors import NoConnectionError, Stage
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.phase_timer import PhaseTimer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Route

SECONDS: Final = 8.0
"""For one way, all addresses together; longer than a call waits, since here a slow way is a finding."""
_SLOW_SECONDS: Final = 1.0
_NAME: Final = Text("The name is resolved")
_PROXY: Final = Text("The corporate proxy opens a tunnel")
_TCP: Final = Text("A TCP connection is accepted")
_TLS: Final = Text("The server proves who it is (TLS)")
_NOT_REACHED: Final = Text("not reached: an earlier step failed")
_SLOW: Final = Text("it is slow; calls wait for it each time that a connection is opened")
_RULED_OUT: Final = {
    Stage.NAME: Text("the name servers"),
    Stage.TCP: Text("a firewall that blocks the port"),
    Stage.TUNNEL: Text("the corporate proxy"),
    Stage.TLS: Text("an inspecting proxy, and missing authorities"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """What came of a way.

    Attributes:
        checks: each hop, in the order in which they are gone.
        reached: whether there was a verified connection.
    """

    checks: tuple[Check, ...]
    reached: bool


class _Verified(SilentProtocol):
    """Ends as soon as the connection is verified."""

    authority: Text = NOTHING

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who vouches for the server, and close."""
        issuer = dict(pair[0] for pair in (transport.get_extra_info("peercert") or {}).get("issuer", ()) if pair)
        name = issuer.get("organizationName") or issuer.get("commonName")
        self.authority = Text("issued by {name}", name=name) if name else Text("verified")
        transport.abort()  # type: ignore[attr-defined]  # of TLS, which aborts


async def check_way(branch: Branch, route: Route, tls: ssl.SSLContext, dialer: Dialer, resolver: Resolver) -> Way:
    """Go a way to its end, and say how far it came.

    Args:
        branch: what the checks belong to.
        route: the way.
        tls: verifies the server, as for a call.
        dialer: opens the connection, as for a call.
        resolver: finds addresses, as for a call.
    """
    timer = PhaseTimer(asyncio.get_running_loop().time)
    failure, authority = None, NOTHING
    try:
        made = await dialer.open(route, tls, _Verified, SECONDS, timer)
        authority = made.authority
        await made.lost
    except NoConnectionError as error:
        failure = error
    seconds = dict(timer.seconds)
    seen = None if failure is None or failure.stage is not Stage.TLS else await presented_certificate(route, resolver)
    names = NOTHING if failure is not None and failure.stage is Stage.NAME else await _addresses(route, resolver)
    found = {
        Stage.NAME: (names, seconds.get("dns")),
        Stage.TCP: (_first_hop(route), seconds.get("tcp")),
        Stage.TUNNEL: (_tunnel(route), seconds.get("proxy")),
        Stage.TLS: (authority, seconds.get("tls")),
    }
    stages = [it for it in Stage if it is not Stage.TUNNEL or route.proxy is not None]
    checks = tuple(_hops(branch, stages, found, failure, seen))
    return Way(checks, failure is None)


def _hops(
    branch: Branch,
    stages: list[Stage],
    found: dict[Stage, tuple[Text, float | None]],
    failure: NoConnectionError | None,
    presented: Presented | None,
) -> Iterator[Check]:
    descriptions = {Stage.NAME: _NAME, Stage.TCP: _TCP, Stage.TUNNEL: _PROXY, Stage.TLS: _TLS}
    codes = {Stage.NAME: "name", Stage.TCP: "tcp", Stage.TUNNEL: "proxy", Stage.TLS: "tls"}
    for stage in stages:
        code, description, (seen, seconds) = codes[stage], descriptions[stage], found[stage]
        if failure is None or stage.value < failure.stage.value:
            slow = seconds is not None and seconds > _SLOW_SECONDS
            yield Check(
                code, branch, description, "warning" if slow else "ok", seen, _SLOW if slow else NOTHING,
                rules_out=NOTHING if slow else _RULED_OUT[stage], seconds=seconds,
            )  # fmt: skip
        elif stage is failure.stage:
            yield Check(code, branch, description, "fatal", failure.message, _cause(presented), seconds=seconds)
        else:
            yield skip(code, branch, description, _NOT_REACHED)


def _cause(presented: Presented | None) -> Text:
    if presented is None:
        return NOTHING
    return Text(
        "what answers there presents a certificate for {subject}, issued by {issuer}, valid until {end}; nothing "
        "proves it. If the issuer is your company's proxy, ask its administrators for its CA certificate and put it "
        "into egress.ca_file, or have this host excepted from inspection",
        subject=presented.subject,
        issuer=presented.issuer,
        end=presented.not_after,
    )


async def _addresses(route: Route, resolver: Resolver) -> Text:
    hop = route.first_hop
    try:
        found = await resolver.addresses(hop.host, stale=False)
    except OSError:
        return Text("{host}", host=hop.host)
    four = ", ".join(str(it.socket[0]) for it in found if it.family == socket.AF_INET)
    six = ", ".join(str(it.socket[0]) for it in found if it.family == socket.AF_INET6)
    return Text("{host}: IPv4 {four}; IPv6 {six}", host=hop.host, four=four or Text("none"), six=six or Text("none"))


def _first_hop(route: Route) -> Text:
    return Text("{host}:{port}", host=route.first_hop.host, port=route.first_hop.port)


def _tunnel(route: Route) -> Text:
    return Text("to {authority}", authority=route.destination.authority)
