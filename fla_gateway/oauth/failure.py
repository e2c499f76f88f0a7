"""The token leg's foreign exceptions: each becomes one problem, with a sentence that says what to do.

Owns the translation of aiohttp's, ssl's and the system's exceptions. Refuses to raise them again or to quote them at
length: an exception of aiohttp holds the whole request, credentials of the proxy included.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import Final

import aiohttp

from fla_gateway.errors import ProblemError
from fla_gateway.network.connect_tunnel import TunnelRefusedError
from fla_gateway.network.route import Egress

_PROXY_REFUSALS: Final = {
    407: "it asks for credentials; check proxy_user and proxy_password_file",
    403: "it forbids this destination; have the token server's host and port allowed",
    502: "it cannot reach the token server",
    503: "it cannot reach the token server",
    504: "it cannot reach the token server in time",
}
_HOSTNAME_MISMATCH: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h."""


def explain(error: BaseException, host: str) -> ProblemError:
    """Translate an exception of the token leg.

    Args:
        error: what aiohttp, ssl or the system raised.
        host: the token server's host, for the sentence.
    """
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _unreachable(_distrust(error.certificate_error, host), transient=False)
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return _unreachable(
            f"The TLS handshake with {host} failed{_alert(error)}; "
            "check that token_url leads to a port that speaks TLS 1.2 or newer."
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _unreachable(f"The name of {host} cannot be resolved: {_reason(error.os_error)}. Check name and DNS.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _unreachable(
            f"No connection to {host}: {_reason(error.os_error)}. Check network, firewall and egress.proxy."
        )
    if isinstance(error, TimeoutError):
        return _late(error, host)
    return _broken(error, host)


def explain_proxy(error: OSError | TunnelRefusedError, host: str, egress: Egress) -> ProblemError:
    """Translate what kept the corporate proxy from opening a tunnel.

    Args:
        error: what the system said, or the proxy.
        host: the token server's host, for the sentence.
        egress: the proxy.
    """
    proxy = f"{egress.host}:{egress.port}"
    if isinstance(error, TunnelRefusedError):
        if error.status is None:
            return _unreachable(f"{error.message} It stands at {proxy}; check egress.proxy.")
        why = _PROXY_REFUSALS.get(error.status, "ask its administrators why")
        refused = f"The corporate proxy {proxy} refused the tunnel to {host} with {error.status}: {why}."
        return _unreachable(refused, transient=error.status >= 500)  # noqa: PLR2004 - the class of server errors
    if isinstance(error, TimeoutError):
        return ProblemError(
            "token-timeout", f"The corporate proxy {proxy} opened no tunnel in time. Check egress.proxy."
        )
    if isinstance(error, socket.gaierror):
        name = f"The name of the corporate proxy {egress.host}"
        return _unreachable(f"{name} cannot be resolved: {_reason(error)}. Check name and DNS.")
    return _unreachable(f"The corporate proxy {proxy} cannot be reached: {_reason(error)}. Check egress.proxy.")


def _late(error: TimeoutError, host: str) -> ProblemError:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ProblemError("token-timeout", f"No connection to {host} in time. Check network, firewall, egress.proxy.")
    return ProblemError("token-timeout", f"{host} did not answer in time; the gateway tries again.")


def _broken(error: BaseException, host: str) -> ProblemError:
    if isinstance(error, aiohttp.ClientPayloadError):
        return ProblemError(
            "token-malformed", f"{host} broke off in the middle of its answer; the gateway tries again.", transient=True
        )
    if isinstance(error, aiohttp.ClientResponseError):
        # aiohttp's own message quotes the bytes; they are foreign and may be anything.
        return ProblemError("token-malformed", f"{host} answered something that is not HTTP. Check token_url.")
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return ProblemError("token-failed", f"{host} closed the connection without an answer; the gateway tries again.")
    return ProblemError("token-failed", f"The way to {host} broke down ({type(error).__name__}).")


def _distrust(error: Exception, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _HOSTNAME_MISMATCH:
            return f"The certificate of {host} is for another name. Check token_url, and who answers at this address."
        return (
            f"The certificate of {host} is not trusted ({error.verify_message}). Check this host's clock and roots; "
            "a company that inspects TLS, or a private environment, needs ca_file."
        )
    return f"The certificate of {host} is not trusted."


def _reason(cause: OSError) -> str:
    if isinstance(cause, socket.gaierror):
        return cause.strerror or "no address"
    # The texts of the event loops name addresses, one after the other; the system's own word is enough.
    return os.strerror(cause.errno).lower() if cause.errno else "it was closed"


def _alert(error: aiohttp.ClientConnectorSSLError | ssl.SSLError) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorSSLError) else error
    # A constant of OpenSSL, such as TLSV1_ALERT_PROTOCOL_VERSION; never the peer's words.
    reason = getattr(cause, "reason", None)
    return f" ({reason.lower().replace('_', ' ')})" if isinstance(reason, str) else ""


def _unreachable(detail: str, *, transient: bool = True) -> ProblemError:
    return ProblemError("token-unreachable", detail, transient=transient)
