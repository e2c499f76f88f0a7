"""Adapter: reads the JWKS of a Kubernetes cluster, from a file or over HTTPS.

Owns the request and what can go wrong with it. Refuses to know what the set contains, and when it is to be read.
The corporate proxy is not used: the API of a cluster is inside.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path
from typing import Final, Protocol

import certifi

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.values.address import uri_host
from fla_gateway.config.values.urls import parse_url
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.whole_response import WholeResponse
from fla_gateway.i18n.message import Text
from fla_gateway.keys.certificates.ca_file import read_roots
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.broken_rule import broken_rule
from fla_gateway.network.connect_tunnel import USER_AGENT
from fla_gateway.network.connection_errors import NoConnectionError, system_reason
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Destination, Route
from fla_gateway.network.single_request import send_request
from fla_gateway.network.verification import set_verify_flags
from fla_gateway.secret import Secret

LARGEST_SET: Final = 65_536
LARGEST_TOKEN: Final = 16_384


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a set could not be read, for the log; it has nothing of a credential."""

    reason: Text


class Source(Protocol):
    """Where the set comes from."""

    async def read(self) -> bytes | Failure:
        """Read the set, at most one byte more than is permitted."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class File:
    """A set in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes | Failure:
        """See `Source`."""
        try:
            return await asyncio.to_thread(_read, self._path, LARGEST_SET)
        except OSError as error:
            return Failure(Text("the file cannot be read: {reason}", reason=system_reason(error)))

    async def close(self) -> None:
        """Nothing is open."""


class Fetched:
    """A set at an HTTPS address."""

    def __init__(
        self,
        url: str,
        ca_file: Path | None,
        token_file: Path | None,
        total: float,
        dialer: Dialer,
        files: FileSnapshot | None = None,
    ) -> None:
        """Take what is needed; nothing is opened before the first reading.

        Args:
            url: an https address, as the configuration was judged to have.
            ca_file: the roots of the cluster; None for those of the system.
            token_file: the gateway's own service-account token, or None.
            total: seconds for one reading.
            dialer: that of the process.
            files: those that were read with the configuration; without them the roots are read now.

        Raises:
            ConfigurationError: `ca_file` cannot be read.
        """
        self._url = parse_url(url, "https")
        self._route = Route(
            Destination(
                self._url.host,
                self._url.port,
                Text("cluster"),
                "kubernetes.jwks_url",
                Text("'ca_file' under [kubernetes]"),
            )
        )
        self._token_file = token_file
        self._tls = _context(ca_file, files)
        self._total = total
        self._dialer = dialer

    async def read(self) -> bytes | Failure:
        """See `Source`."""
        token = await self._token()
        if isinstance(token, Failure):
            return token
        try:
            async with asyncio.timeout(self._total):
                reply = await send_request(
                    self._dialer, self._route, self._tls, self._message(token),
                    connect_seconds=self._total, largest=LARGEST_SET, time=time.monotonic,
                )  # fmt: skip
        except NoConnectionError as error:
            return Failure(error.message)
        except ProtocolError as error:
            return _refused(error)
        except TimeoutError:
            return Failure(Text("there was no answer in time"))
        return _answer(reply.response)

    async def close(self) -> None:
        """Nothing is open between readings."""

    async def _token(self) -> Secret | Failure | None:
        """Read the gateway's own token anew: the kubelet replaces it before it expires."""
        if self._token_file is None:
            return None
        try:
            content = await asyncio.to_thread(_read, self._token_file, LARGEST_TOKEN)
        except OSError as error:
            return Failure(Text("token_file cannot be read: {reason}", reason=system_reason(error)))
        text = content.decode("latin-1").strip()
        if not text or len(content) > LARGEST_TOKEN or any(not "!" <= character <= "~" for character in text):
            return Failure(Text("token_file holds no token"))
        return Secret(text)

    def _message(self, token: Secret | None) -> bytes:
        host = uri_host(self._url.host)
        fields = [
            f"GET {self._url.path or '/'} HTTP/1.1",
            f"Host: {host}" if self._url.port == 443 else f"Host: {host}:{self._url.port}",  # noqa: PLR2004 - https
            "Accept: application/jwk-set+json, application/json",
            # Left out, any coding would be welcome (RFC 9110, section 12.5.3).
            "Accept-Encoding: identity",
            f"User-Agent: {USER_AGENT}",
            "Connection: close",
        ]
        if token is not None:
            fields.append(f"Authorization: Bearer {token.reveal()}")
        return "\r\n".join([*fields, "", ""]).encode("latin-1")


def _context(ca_file: Path | None, files: FileSnapshot | None = None) -> ssl.SSLContext:
    """Make the verifying context: the cluster's own roots alone where they are given, else those of the system.

    Raises:
        ConfigurationError: the file cannot be read, or has an entry that is damaged or no CA.
    """
    roots = None if ca_file is None else read_roots(ca_file, "kubernetes.ca_file", files)
    context = ssl.create_default_context(cadata=roots)
    if roots is None:
        context.load_verify_locations(certifi.where())
    set_verify_flags(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # It would write the keys of connections to the file that SSLKEYLOGFILE names.
    context.keylog_filename = None  # type: ignore[assignment]  # None switches it off, which typeshed does not know
    return context


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(most + 1)


def _answer(response: WholeResponse) -> bytes | Failure:
    if response.status in {401, 403}:
        return Failure(
            Text(
                "the answer was {status}; check token_file, and that its service account has the role "
                "system:service-account-issuer-discovery",
                status=response.status,
            )
        )
    if response.status != 200:  # noqa: PLR2004 - RFC 9110, section 15.3.1
        return Failure(Text("the answer was {status}; redirects are not followed", status=response.status))
    return response.body


def _refused(error: ProtocolError) -> Failure:
    if error.code == "response-too-large":
        return Failure(Text("the set is larger than {most} bytes", most=LARGEST_SET))
    if error.code in {"response-missing", "response-truncated"}:
        return Failure(Text("the connection broke down before the answer was whole"))
    if error.code == "tls-failed":
        return Failure(broken_rule(error))
    return Failure(Text("the answer is not HTTP: {rule}", rule=broken_rule(error)))
