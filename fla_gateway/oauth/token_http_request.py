"""Adapter: how a token is asked for (RFC 6749, section 4.4.2; RFC 7523, section 2.2; RFC 9112, section 3).

Owns the bytes that are sent. Refuses to know how an assertion is signed, and how the bytes travel.
"""

from __future__ import annotations

from urllib.parse import urlencode

from fla_gateway.config.values.address import uri_host
from fla_gateway.config.values.urls import Url, parse_url
from fla_gateway.i18n.message import Text
from fla_gateway.network.connect_tunnel import USER_AGENT
from fla_gateway.network.route import CHECK_NETWORK, ROOTS, Destination
from fla_gateway.oauth.model import TokenRequest
from fla_gateway.secret import Secret


def token_address(request: TokenRequest) -> Url | None:
    """Read the token URL; None where it is none of https."""
    try:
        return parse_url(request.token_url, "https")
    except ValueError:
        return None


def token_host(request: TokenRequest) -> str:
    """Name the token server for a person."""
    url = token_address(request)
    return url.host if url is not None else Text("the token server")


def token_origin(request: TokenRequest) -> str:
    """Give the origin of the token URL (RFC 6454); empty where it is none of https."""
    url = token_address(request)
    return f"https://{_authority(url)}" if url is not None else ""


def token_destination(url: Url) -> Destination:
    """Give the token server as a connection knows it, and what messages call it."""
    return Destination(url.host, url.port, Text("token server"), "token_url", ROOTS, CHECK_NETWORK)


def token_message(url: Url, request: TokenRequest, assertion: Secret) -> bytes:
    """Write the whole request.

    Args:
        url: of the token endpoint.
        request: what is asked for.
        assertion: the signed client assertion.
    """
    form = _form(request, assertion)
    fields = (
        f"POST {url.path or '/'} HTTP/1.1",
        f"Host: {_authority(url)}",
        "Accept: application/json",
        # Left out, any coding would be welcome (RFC 9110, section 12.5.3).
        "Accept-Encoding: identity",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form)}",
        f"User-Agent: {USER_AGENT}",
        # No request is ever sent again unnoticed, and a new address in the DNS is seen at once.
        "Connection: close",
    )
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + form


def _authority(url: Url) -> str:
    # RFC 9110, section 7.2; RFC 9112, section 3.2: the default port is left out.
    host = uri_host(url.host)
    return host if url.port == 443 else f"{host}:{url.port}"  # noqa: PLR2004 - the default port of https


def _form(request: TokenRequest, assertion: Secret) -> bytes:
    parameters = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion.reveal(),
    }
    if request.scope:
        parameters["scope"] = " ".join(request.scope)
    return urlencode(parameters).encode()
