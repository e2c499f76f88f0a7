"""Adapter: exceptions of the system, ssl and the tunnel become one error, in words that every leg uses.

Owns the sentences for names, TCP, the corporate proxy and TLS. Refuses to know problem codes: each leg has its own for
the four kinds. Nothing that a peer wrote is quoted, but for a status and the names of authentication schemes.
"""

from __future__ import annotations

import os
import ssl
from enum import Enum
from typing import Final

from fla_gateway.errors import GatewayError
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
        message: what happened and what to do, in sentences.
        stage: how far the connection came.
        final: another address would fail as well: sent to each address in turn, credentials that a proxy refuses would
            lock the account all the sooner.
    """

    def __init__(self, obstacle: Obstacle, message: str, stage: Stage, *, final: bool = False) -> None:
        super().__init__(message)
        self.obstacle = obstacle
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
    return os.strerror(number).lower() if number is not None and number > 0 else "it was closed"


def _explain_name(error: Exception, route: Route, seconds: float) -> NoConnectionError:
    name = (
        f"The name of the corporate proxy {route.proxy.host}" if route.proxy else f"The name {route.destination.host}"
    )
    if isinstance(error, TimeoutError):
        message = f"{name} was not resolved within {seconds:g} s. Check the name servers of this machine."
        return NoConnectionError(Obstacle.LATE, message, Stage.NAME)
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or "it has no address"
    known = isinstance(error, OSError) and does_not_exist(error)
    cure = "Check the name." if known else "Check the name and the name servers of this machine."
    return NoConnectionError(Obstacle.UNREACHABLE, f"{name} cannot be resolved: {reason}. {cure}", Stage.NAME)


def _explain_tcp(error: Exception, route: Route, seconds: float) -> NoConnectionError:
    late = isinstance(error, TimeoutError) and error.errno is None
    reason = _several(error) or system_reason(error)
    if route.proxy is not None:
        proxy = f"The corporate proxy {route.proxy.host}:{route.proxy.port}"
        what = f"did not accept a connection within {seconds:g} s" if late else f"cannot be reached: {reason}"
        message = f"{proxy} {what}. Check egress.proxy."
    else:
        there = route.destination
        what = f" within {seconds:g} s" if late else f": {reason}"
        message = f"No connection to {there.host}:{there.port}{what}. {there.cure}".rstrip()
    return NoConnectionError(Obstacle.LATE if late else Obstacle.UNREACHABLE, message, Stage.TCP)


def _several(error: Exception) -> str:
    """Say that addresses failed in different ways; without an errno aiohappyeyeballs gives the texts of all."""
    return "none of its addresses accepts one" if isinstance(error, OSError) and error.errno is None else ""


def _explain_tunnel(error: Exception, there: Destination, egress: Egress, seconds: float) -> NoConnectionError:
    proxy = f"{egress.host}:{egress.port}"
    if isinstance(error, TunnelRefusedError):
        if error.status is None:
            message = f"{error.message} It is at {proxy}; check egress.proxy."
            return NoConnectionError(Obstacle.REFUSED, message, Stage.TUNNEL)
        why = _why_refused(error, there, egress)
        message = f"The corporate proxy {proxy} refused the tunnel to {there.host} with {error.status}: {why}."
        final = error.status in _FINAL_REFUSALS
        return NoConnectionError(Obstacle.REFUSED, message, Stage.TUNNEL, final=final)
    if isinstance(error, TimeoutError):
        message = f"The corporate proxy {proxy} opened no tunnel in time ({seconds:g} s). Check egress.proxy."
        return NoConnectionError(Obstacle.LATE, message, Stage.TUNNEL)
    message = f"The corporate proxy {proxy} opened no tunnel: {system_reason(error)}. Check egress.proxy."
    return NoConnectionError(Obstacle.UNREACHABLE, message, Stage.TUNNEL)


def _why_refused(error: TunnelRefusedError, there: Destination, egress: Egress) -> str:
    if error.status == _AUTHENTICATION_REQUIRED:
        return _why_unauthenticated(error.schemes, has_credentials=egress.user is not None)
    return {
        403: f"it forbids this destination; its administrators have to allow {there.host}:{there.port}",
        502: f"it cannot reach the {there.role}",
        503: f"it cannot reach the {there.role}",
        504: f"it cannot reach the {there.role} in time",
    }.get(error.status or 0, "ask its administrators why")


def _why_unauthenticated(schemes: tuple[str, ...], *, has_credentials: bool) -> str:
    name = "check" if has_credentials else "set"
    if not schemes:
        return (
            f"it asks for credentials; {name} proxy_user and proxy_password_file (NTLM and Kerberos are not supported: "
            "for an account that has only these run a proxy that logs in for you, such as cntlm or px)"
        )
    offered = f"it offers {', '.join(schemes)}"
    if "basic" in {scheme.lower() for scheme in schemes}:
        return (
            f"{offered}; {name} proxy_user and proxy_password_file, which are sent as Basic (NTLM and Kerberos are not "
            "supported: for an account that has only these run a proxy that logs in for you, such as cntlm or px)"
        )
    return (
        f"{offered}, and the gateway can do Basic alone, whatever proxy_user and proxy_password_file are. NTLM and "
        "Kerberos (Negotiate) are not supported: ask the administrators of the proxy for an account with Basic, or run "
        "a proxy that logs in for you, such as cntlm or px, and name that one as egress.proxy"
    )


def _explain_tls(error: Exception, there: Destination, seconds: float) -> NoConnectionError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoConnectionError(Obstacle.UNTRUSTED, _why_untrusted(error, there), Stage.TLS)
    if isinstance(error, ssl.SSLError):
        # A constant of OpenSSL, such as TLSV1_ALERT_PROTOCOL_VERSION; never the peer's words.
        # None where the connection ended within the handshake, which typeshed does not know.
        reason = f" ({error.reason.lower().replace('_', ' ')})" if error.reason else ""
        message = (
            f"The TLS handshake with {there.host} failed{reason}; check that {there.setting} leads to a port that "
            "speaks TLS 1.2 or newer."
        )
        return NoConnectionError(Obstacle.UNREACHABLE, message, Stage.TLS)
    if isinstance(error, TimeoutError) and error.errno is None:
        message = f"No connection to {there.host} in time: no TLS handshake within {seconds:g} s. {there.cure}".rstrip()
        return NoConnectionError(Obstacle.LATE, message, Stage.TLS)
    message = f"No connection to {there.host}: {system_reason(error)}. {there.cure}".rstrip()
    return NoConnectionError(Obstacle.UNREACHABLE, message, Stage.TLS)


def _why_untrusted(error: ssl.SSLCertVerificationError, there: Destination) -> str:
    if error.verify_code in _HOSTNAME_MISMATCH:
        return f"The certificate of {there.host} is for another name. Check {there.setting}, and which server answers."
    clock = "Check the clock of this machine; t" if error.verify_code in _WRONG_TIME else "T"
    return (
        f"The certificate of {there.host} is not trusted: {error.verify_message.rstrip('.')}. {clock}he root of a "
        f"company that opens TLS, or of an environment of its own, belongs into {there.roots}."
    )
