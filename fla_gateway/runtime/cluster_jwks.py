"""Port: the JWKS of a Kubernetes cluster is read, from a file or over HTTPS.

Owns the connection and what can go wrong with it. Refuses to know what stands in the set, and when it is to be read.
The corporate proxy is not used: the API of a cluster is inside.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import certifi
import yarl

from fla_gateway.errors import ConfigurationError, Fault
from fla_gateway.secret import Secret

LARGEST_SET: Final = 65_536
LARGEST_TOKEN: Final = 16_384


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a set could not be had, for the log; nothing of a credential is in it."""

    reason: str


class Source(Protocol):
    """Where the set comes from."""

    async def read(self) -> bytes | Failure:
        """Read the set, at most one byte more than is permitted."""
        ...

    async def close(self) -> None:
        """Let go of what is open."""
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
            return Failure(f"the file cannot be read: {_words(error)}")

    async def close(self) -> None:
        """Nothing is open."""


class Fetched:
    """A set at an HTTPS address."""

    def __init__(self, url: str, ca_file: Path | None, token_file: Path | None, total: float) -> None:
        """Take what is needed; nothing is opened before the first reading.

        Args:
            url: an https address, as the configuration was judged to have.
            ca_file: the roots of the cluster; None for those of the system.
            token_file: the gateway's own service-account token, or None.
            total: seconds for one reading.

        Raises:
            ConfigurationError: `ca_file` cannot be read.
        """
        self._url = yarl.URL(url)
        self._token_file = token_file
        self._tls = _context(ca_file)
        # Beyond the ceiling aiohttp rounds deadlines up to whole seconds.
        self._timeout = aiohttp.ClientTimeout(total=total, ceil_threshold=3600)
        self._session: aiohttp.ClientSession | None = None

    async def read(self) -> bytes | Failure:
        """See `Source`."""
        token = await self._token()
        if isinstance(token, Failure):
            return token
        headers = {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}
        try:
            async with self._opened().get(self._url, headers=headers, ssl=self._tls, allow_redirects=False) as response:
                return await _answer(response)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # Only words leave this place: aiohttp's exceptions hold the request, and that holds the token. uvloop
            # raises a RuntimeError where a connection dies at the wrong moment.
            return _explain(error)

    async def close(self) -> None:
        """See `Source`."""
        if self._session is not None:
            await self._session.close()

    async def _token(self) -> Secret | Failure | None:
        """Read the gateway's own token anew: the kubelet replaces it before it expires."""
        if self._token_file is None:
            return None
        try:
            content = await asyncio.to_thread(_read, self._token_file, LARGEST_TOKEN)
        except OSError as error:
            return Failure(f"token_file cannot be read: {_words(error)}")
        text = content.decode("latin-1").strip()
        if not text or len(content) > LARGEST_TOKEN or any(not "!" <= character <= "~" for character in text):
            return Failure("token_file holds no token")
        return Secret(text)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    force_close=True, use_dns_cache=False, resolver=aiohttp.ThreadedResolver()
                ),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                headers={
                    "Accept": "application/jwk-set+json, application/json",
                    # Left out, any coding would be welcome (RFC 9110, section 12.5.3).
                    "Accept-Encoding": "identity",
                    "User-Agent": "fla-gateway",
                },
            )
        return self._session


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """Make the verifying context: the cluster's own roots alone where they are given, else those of the system.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        fault = Fault("kubernetes.ca_file", f"{ca_file} holds no certificates that can be read", "it must be PEM")
    except OSError as error:
        fault = Fault("kubernetes.ca_file", f"{ca_file} cannot be read: {_words(error)}", "check path and rights")
    else:
        if ca_file is None:
            context.load_verify_locations(certifi.where())
        else:
            # Python 3.13 asks for more than RFC 5280 does of a root, and the roots that clusters have made for
            # themselves lack it (kubernetes-client/python issue 2394). Chain, names and dates are verified as ever.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # It would write the keys of connections to the file that SSLKEYLOGFILE names.
        context.keylog_filename = None  # type: ignore[assignment]  # None switches it off, which typeshed does not know
        return context
    raise ConfigurationError((fault,))


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(most + 1)


async def _answer(response: aiohttp.ClientResponse) -> bytes | Failure:
    if response.status in {401, 403}:
        cure = "check token_file, and that its service account has the role system:service-account-issuer-discovery"
        return Failure(f"the answer was {response.status}; {cure}")
    if response.status != 200:  # noqa: PLR2004 - RFC 9110, section 15.3.1
        return Failure(f"the answer was {response.status}; redirects are not followed")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST_SET:
            response.close()
            break
    return bytes(body)


def _explain(error: Exception) -> Failure:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        words = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "not verified"
        return Failure(f"the certificate is not trusted ({words}); check ca_file")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Failure("the host's name cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Failure(f"there is no connection: {_words(error.os_error)}")
    if isinstance(error, TimeoutError):
        return Failure("there was no answer in time")
    return Failure(f"the connection broke down ({type(error).__name__})")


def _words(error: OSError) -> str:
    # The texts of the event loops name addresses one after the other; the system's own word is enough.
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "it was closed"
