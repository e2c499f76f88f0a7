"""Adapter: exceptions of the system, ssl and the tunnel become one error, in words that every leg uses.

Owns the sentences for names, TCP, the corporate proxy and TLS; callers read them, so they have neither the address of
the proxy nor its account. Refuses to know problem codes: each leg has its own for the four kinds. Nothing that a peer
wrote is quoted, but for a status and the names of authentication schemes.
"""

from __future__ import annotations

import os
import ssl
from enum import Enum
from typing import Final

from fla_gateway.errors import GatewayError
from fla_gateway.i18n.message import NOTHING, Text, joined
from fla_gateway.network.connect_tunnel import TunnelRefusedError
from fla_gateway.network.resolver import does_not_exist
from fla_gateway.network.route import Destination, Egress, Route


class Obstacle(Enum):
    """Kinds of failure that legs have codes of their own for."""

    UNREACHABLE = "unreachable"
    LATE = "late"
    UNTRUSTED = "untrusted"
    REFUSED = "refused by the corporate proxy"


class Stage(Enum):
    """How far a connection came; the order of the members is that of the stages."""

    NAME = 1
    TCP = 2
    TUNNEL = 3
    TLS = 4


class NoConnectionError(GatewayError):
    """A connection could not be made.

    Attributes:
        obstacle: kind of failure.
        seen: what happened, in sentences.
        cure: what to do, in sentences; empty where that is said elsewhere.
        message: both.
        stage: how far the connection came.
        final: another address would fail as well: sent to each address in turn, credentials that a proxy refuses would
            lock the account all the sooner.
    """

    def __init__(
        self, obstacle: Obstacle, seen: Text, stage: Stage, cure: Text = NOTHING, *, final: bool = False
    ) -> None:
        message = joined((seen, cure))
        super().__init__(message)
        self.obstacle = obstacle
        self.seen = seen
        self.cure = cure
        self.message = message
        self.stage = stage
        self.final = final

    def outranks(self, other: NoConnectionError | None) -> bool:
        """Return whether this failure says more than that of another address: it came as far, or further."""
        return other is None or self.rank >= other.rank

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Order of failures by what they say."""
        return self.final, self.obstacle is Obstacle.UNTRUSTED, self.stage.value


_HOSTNAME_MISMATCH: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h."""
_WRONG_TIME: Final = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""
_CHECK_PROXY: Final = Text("Check egress.proxy.")
CHECK_NAME: Final = Text("Check the name.")
"""What to do where name servers answer that there is no such name."""
_CHECK_NAME_SERVERS: Final = Text("Check the name servers of this machine.")
_CHECK_BOTH: Final = Text("Check the name and the name servers of this machine.")
_FINAL_REFUSALS: Final = range(400, 500)
_AUTHENTICATION_REQUIRED: Final = 407


def explain(error: Exception, stage: Stage, route: Route, seconds: float) -> NoConnectionError:
    """Put an exception into words.

    Args:
        error: what the system, ssl, the event loop or the tunnel raised.
        stage: where.
        route: where the connection was to lead.
        seconds: time that all addresses had together.
    """
    if stage is Stage.NAME:
        return _explain_name(error, route, seconds)
    if stage is Stage.TCP:
        return _explain_tcp(error, route, seconds)
    if stage is Stage.TUNNEL and route.proxy is not None:
        return _explain_tunnel(error, route.destination, route.proxy, seconds)
    return _explain_tls(error, route.destination, seconds)


def system_reason(error: BaseException) -> str:
    """Give the system's own words for an error; the texts of the event loops name addresses one after the other."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number).lower() if number is not None and number > 0 else Text("it was closed")


def tls_reason(error: BaseException | None) -> str:
    """Give OpenSSL's own words for an error of TLS; empty where it has none, or the error is another one.

    They are a constant of OpenSSL, such as TLSV1_ALERT_PROTOCOL_VERSION, and never the peer's words. There is none
    where the connection ended within the handshake, which typeshed does not know.
    """
    reason: str | None = error.reason if isinstance(error, ssl.SSLError) else None
    return reason.lower().replace("_", " ") if reason else ""


def _explain_name(error: Exception, route: Route, seconds: float) -> NoConnectionError:
    name = (
        Text("The name of the corporate proxy (egress.proxy)")
        if route.proxy
        else Text("The name {host}", host=route.destination.host)
    )
    if isinstance(error, TimeoutError):
        late = Text("{name} was not resolved within {seconds} s.", name=name, seconds=f"{seconds:g}")
        return NoConnectionError(Obstacle.LATE, late, Stage.NAME, _CHECK_NAME_SERVERS)
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or Text("it has no address")
    known = isinstance(error, OSError) and does_not_exist(error)
    seen = Text("{name} cannot be resolved: {reason}.", name=name, reason=reason)
    return NoConnectionError(Obstacle.UNREACHABLE, seen, Stage.NAME, CHECK_NAME if known else _CHECK_BOTH)


def _explain_tcp(error: Exception, route: Route, seconds: float) -> NoConnectionError:
    late = isinstance(error, TimeoutError) and error.errno is None
    reason = _several(error) or system_reason(error)
    obstacle = Obstacle.LATE if late else Obstacle.UNREACHABLE
    if route.proxy is not None:
        seen = (
            Text("The corporate proxy did not accept a connection within {seconds} s.", seconds=f"{seconds:g}")
            if late
            else Text("The corporate proxy cannot be reached: {reason}.", reason=reason)
        )
        return NoConnectionError(obstacle, seen, Stage.TCP, _CHECK_PROXY)
    there = route.destination
    address = f"{there.host}:{there.port}"
    seen = (
        Text("No connection to {address} within {seconds} s.", address=address, seconds=f"{seconds:g}")
        if late
        else Text("No connection to {address}: {reason}.", address=address, reason=reason)
    )
    return NoConnectionError(obstacle, seen, Stage.TCP, there.cure)


def _several(error: Exception) -> Text:
    """Say that addresses failed in different ways; without an errno aiohappyeyeballs gives the texts of all."""
    return Text("none of its addresses accepts one") if isinstance(error, OSError) and error.errno is None else NOTHING


def _explain_tunnel(error: Exception, there: Destination, egress: Egress, seconds: float) -> NoConnectionError:
    if isinstance(error, TunnelRefusedError):
        if error.status is None:
            return NoConnectionError(Obstacle.REFUSED, error.message, Stage.TUNNEL, _CHECK_PROXY)
        seen = Text(
            "The corporate proxy refused the tunnel to {host} with {status}: {why}.",
            host=there.host,
            status=error.status,
            why=_why_refused(error, there, egress),
        )
        return NoConnectionError(Obstacle.REFUSED, seen, Stage.TUNNEL, final=error.status in _FINAL_REFUSALS)
    if isinstance(error, TimeoutError):
        late = Text("The corporate proxy opened no tunnel in time ({seconds} s).", seconds=f"{seconds:g}")
        return NoConnectionError(Obstacle.LATE, late, Stage.TUNNEL, _CHECK_PROXY)
    seen = Text("The corporate proxy opened no tunnel: {reason}.", reason=system_reason(error))
    return NoConnectionError(Obstacle.UNREACHABLE, seen, Stage.TUNNEL, _CHECK_PROXY)


def _why_refused(error: TunnelRefusedError, there: Destination, egress: Egress) -> Text:
    if error.status == _AUTHENTICATION_REQUIRED:
        return _why_unauthenticated(error.schemes, has_credentials=egress.user is not None)
    unreached = Text("it cannot reach the {role}", role=there.role)
    return {
        403: Text(
            "it forbids this destination; its administrators have to allow {address}",
            address=f"{there.host}:{there.port}",
        ),
        502: unreached,
        503: unreached,
        504: Text("it cannot reach the {role} in time", role=there.role),
    }.get(error.status or 0, Text("ask its administrators why"))


def _why_unauthenticated(schemes: tuple[str, ...], *, has_credentials: bool) -> Text:
    name = Text("check") if has_credentials else Text("set")
    if not schemes:
        return Text(
            "it asks for credentials; {set} proxy_user and proxy_password_file (NTLM and Kerberos are not supported: "
            "for an account that has only these run a proxy that logs in for you, such as cntlm or px)",
            set=name,
        )
    offered = ", ".join(schemes)
    if "basic" in {scheme.lower() for scheme in schemes}:
        return Text(
            "it offers {schemes}; {set} proxy_user and proxy_password_file, which are sent as Basic (NTLM and Kerberos "
            "are not supported: for an account that has only these run a proxy that logs in for you, such as cntlm or "
            "px)",
            schemes=offered,
            set=name,
        )
    return Text(
        "it offers {schemes}, and the gateway can do Basic alone, whatever proxy_user and proxy_password_file are. "
        "NTLM and Kerberos (Negotiate) are not supported: ask the administrators of the proxy for an account with "
        "Basic, or run a proxy that logs in for you, such as cntlm or px, and name that one as egress.proxy",
        schemes=offered,
    )


def _explain_tls(error: Exception, there: Destination, seconds: float) -> NoConnectionError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_untrusted(error, there)
    if isinstance(error, ssl.SSLError):
        said = tls_reason(error)
        reason = f" ({said})" if said else ""
        seen = Text(
            "The TLS handshake with {host} failed{reason}; check that {setting} leads to a port that speaks TLS 1.2 "
            "or newer.",
            host=there.host,
            reason=reason,
            setting=there.setting,
        )
        return NoConnectionError(Obstacle.UNREACHABLE, seen, Stage.TLS)
    if isinstance(error, TimeoutError) and error.errno is None:
        late = Text(
            "No connection to {host} in time: no TLS handshake within {seconds} s.",
            host=there.host,
            seconds=f"{seconds:g}",
        )
        return NoConnectionError(Obstacle.LATE, late, Stage.TLS, there.cure)
    seen = Text("No connection to {address}: {reason}.", address=there.host, reason=system_reason(error))
    return NoConnectionError(Obstacle.UNREACHABLE, seen, Stage.TLS, there.cure)


def _explain_untrusted(error: ssl.SSLCertVerificationError, there: Destination) -> NoConnectionError:
    if error.verify_code in _HOSTNAME_MISMATCH:
        seen = Text("The certificate of {host} is for another name.", host=there.host)
        cure = Text("Check {setting}, and which server answers.", setting=there.setting)
        return NoConnectionError(Obstacle.UNTRUSTED, seen, Stage.TLS, cure)
    seen = Text(
        "The certificate of {host} is not trusted: {reason}.", host=there.host, reason=error.verify_message.rstrip(".")
    )
    if error.verify_code in _WRONG_TIME:
        cure = Text(
            "Check the clock of this machine; the root of a company that opens TLS, or of an environment of its own, "
            "belongs into {roots}.",
            roots=there.roots,
        )
    else:
        cure = Text(
            "The root of a company that opens TLS, or of an environment of its own, belongs into {roots}.",
            roots=there.roots,
        )
    return NoConnectionError(Obstacle.UNTRUSTED, seen, Stage.TLS, cure)
