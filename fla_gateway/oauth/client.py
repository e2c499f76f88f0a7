"""Port: the only POST to a token endpoint.

Owns the HTTP session, the learned clock offsets and the sequence assertion, request, answer. Refuses to keep tokens
and to try again on its own, but for the one assertion that was made with a wrong clock. No assertion is sent twice.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import aiohttp
import structlog
import yarl

from fla_gateway.clock import Clock
from fla_gateway.errors import GatewayError, ProblemError
from fla_gateway.network.route import Egress
from fla_gateway.oauth import assertion as jwt
from fla_gateway.oauth import offset as skew
from fla_gateway.oauth.dates import parse_http_date
from fla_gateway.oauth.failure import explain
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.oauth.response import LARGEST_ANSWER, TokenAnswer, read_answer
from fla_gateway.oauth.tunnel import connector_over, tunnel_to
from fla_gateway.secret import Secret

CONNECT_SECONDS: Final = 3.0
"""For DNS, TCP, proxy and TLS towards one address."""
TOTAL_SECONDS: Final = 7.5
"""For everything, signing and a second assertion included; callers of the token engine wait 8."""
_NO_CEILING: Final = 3600.0
"""aiohttp rounds deadlines longer than this up to whole seconds of the loop's clock; ours stay as they are."""

# aiohttp makes contexts of its own when it is imported, for requests that name none: one trusts the system's roots, the
# other trusts anybody. Every request here names its context. One that forgot to would now reach nobody, and a process
# is 1.6 MB smaller without the roots.
_TRUSTS_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
aiohttp.connector._SSL_CONTEXT_VERIFIED = _TRUSTS_NOBODY  # noqa: SLF001 - there is no other way to it
aiohttp.connector._SSL_CONTEXT_UNVERIFIED = _TRUSTS_NOBODY  # noqa: SLF001 - as above

_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer, with what it shows of the server's clock: seconds to add to the host's, or None."""

    answer: TokenAnswer
    sample: float | None


class TokenClient:
    """Asks token servers for tokens (RFC 6749, section 4.4; RFC 7523, section 2.2). A `TokenSource`."""

    def __init__(
        self,
        keys: Mapping[str, jwt.SigningKey],
        tls: Callable[[Path | None], ssl.SSLContext],
        clock: Clock,
        *,
        egress: Egress | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Take what is needed; no connection, session or thread is made before the first request.

        Args:
            keys: usable keys by the name that token requests use.
            tls: gives the verifying context for a `ca_file`, shared with the data path.
            clock: the host's clocks.
            egress: the corporate proxy, or None; the environment's proxy variables are never read.
            connect_seconds: limit for one address: DNS, TCP, tunnel, TLS.
            total_seconds: limit for one token.
        """
        self._keys = keys
        self._tls = tls
        self._clock = clock
        self._egress = egress
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, sock_connect=connect_seconds, ceil_threshold=_NO_CEILING
        )
        self._connect = connect_seconds
        self._total = total_seconds
        self._offsets: dict[str, skew.ClockOffset] = {}
        self._session: aiohttp.ClientSession | None = None
        # A pool of its own: name resolution that hangs in the loop's default pool must not keep keys from signing.
        self._signing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign")

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:
        """See `TokenSource.fetch`."""
        limit = self._total if seconds is None else min(seconds, self._total)
        try:
            async with asyncio.timeout(limit):
                return await self._fetch(request)
        except TimeoutError:
            host = yarl.URL(request.token_url).host
            late = ProblemError("token-timeout", f"{host} gave no token within {limit:g} s; trying again.")
        raise late

    def offsets(self) -> Mapping[str, float]:
        """Give the learned clock offset in seconds by token server (origin); positive: the server is ahead."""
        return {origin: known.learned for origin, known in self._offsets.items()}

    async def close(self) -> None:
        """Close the session and let the signing threads end."""
        self._signing.shutdown(wait=False, cancel_futures=True)
        if self._session is not None:
            await self._session.close()

    async def _fetch(self, request: TokenRequest) -> AccessToken:
        used = self._known(request).learned
        try:
            return await self._attempt(request, used)
        except _RefusedError as error:
            refused = error
        # One odd Date teaches nothing for good, but it is reason enough for one other assertion, whose own answer
        # brings the second sample. Beyond that one the back-off of the token engine decides.
        better = skew.worth_trying(refused.sample, used, self._known(request).learned)
        if better is not None:
            _LOG.info("assertion-made-again", server=_origin(request), seconds=round(better))
            try:
                return await self._attempt(request, better)
            except _RefusedError as error:
                refused = error
        raise refused.problem

    async def _attempt(self, request: TokenRequest, offset: float) -> AccessToken:
        assertion = await self._assertion(request, offset)
        asked = self._clock.monotonic()
        reply = await self._post(request, assertion)
        self._learn(request, reply.sample)
        try:
            grant = read_answer(reply.answer, assertion)
        except ProblemError as problem:
            if problem.code != "token-refused":
                raise
            refused = _RefusedError(self._with_clock(problem, reply.sample), reply.sample)
        else:
            return AccessToken(grant.value, grant.lifetime, asked, grant.scope)
        raise refused

    async def _assertion(self, request: TokenRequest, offset: float) -> Secret:
        key = self._keys.get(request.key)
        if key is None:
            raise ProblemError("token-unsigned", f"There is no usable key {request.key!r}; see the log of the start.")
        algorithm = jwt.algorithm_for(request.assertion, key, request.key)
        header = jwt.header(request.assertion, algorithm, key)
        claims = jwt.claims(request, self._clock.wall() + offset, str(uuid.uuid4()))
        signed = jwt.signing_input(header, claims)
        loop = asyncio.get_running_loop()
        try:
            signature = await loop.run_in_executor(self._signing, key.signer.sign, algorithm, signed)
        except GatewayError as error:
            failure = ProblemError("token-unsigned", f"Key {request.key!r} could not sign: {error}")
        else:
            return jwt.compact(signed, signature)
        raise failure

    async def _post(self, request: TokenRequest, assertion: Secret) -> _Reply:
        url = yarl.URL(request.token_url)
        context = self._tls(request.ca_file)
        if url.scheme != "https" or not context.check_hostname or context.verify_mode is not ssl.CERT_REQUIRED:
            raise ProblemError("token-unreachable", "An assertion is sent over verified TLS or not at all.")
        tunnel = await self._tunnel(url)
        sent = self._clock.wall()
        try:
            async with (
                self._speaking(tunnel) as session,
                session.post(url, data=_form(request, assertion), ssl=context, allow_redirects=False) as response,
            ):
                sample = _sample(response, sent, self._clock.wall())
                answer = await _read(response, self._clock.wall() if sample is None else sent + sample)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # uvloop raises a RuntimeError where a connection dies at the wrong moment. The problem is raised below,
            # outside of this block: aiohttp's exceptions hold the request and must not travel along.
            failure = explain(error, url.host or "")
        else:
            return _Reply(answer, sample)
        raise failure

    async def _tunnel(self, url: yarl.URL) -> socket.socket | None:
        if self._egress is None:
            return None
        opened = await tunnel_to(url.host or "", url.port or 443, self._egress, self._connect)
        if isinstance(opened, ProblemError):
            raise opened
        return opened

    @asynccontextmanager
    async def _speaking(self, tunnel: socket.socket | None) -> AsyncIterator[aiohttp.ClientSession]:
        """Give the session for one request: over a tunnel one of its own, else the one that all share."""
        if tunnel is not None:
            async with self._new_session(connector_over(tunnel)) as session:
                yield session
            return
        if self._session is None:
            # A fresh connection for every token: nothing is ever sent again behind our back, and a new address in
            # the DNS is seen at once.
            self._session = self._new_session(
                aiohttp.TCPConnector(
                    force_close=True, use_dns_cache=False, resolver=aiohttp.ThreadedResolver(), limit=0
                )
            )
        yield self._session

    def _new_session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={
                "Accept": "application/json",
                # Left out, any coding would be welcome (RFC 9110, section 12.5.3).
                "Accept-Encoding": "identity",
                "Content-Type": "application/x-www-form-urlencoded",
                "User-Agent": "fla-gateway",
            },
        )

    def _known(self, request: TokenRequest) -> skew.ClockOffset:
        return self._offsets.get(_origin(request), skew.ClockOffset())

    def _learn(self, request: TokenRequest, sample: float | None) -> None:
        if sample is None:
            return
        before = self._known(request)
        after = self._offsets[_origin(request)] = skew.learn(before, sample)
        if not skew.worth_telling(before, after):
            return
        facts = {"server": _origin(request), "seconds": round(after.learned)}
        if abs(sample) > skew.LARGEST:
            _LOG.error("clock-skew", **facts, cure="set this host's clock: it is more than a day off")
        elif abs(after.learned) > skew.NOTEWORTHY:
            _LOG.warning("clock-skew", **facts, cure="set this host's clock; assertions are corrected, TLS is not")
        else:
            _LOG.info("clock-skew-gone", **facts)

    def _with_clock(self, problem: ProblemError, sample: float | None) -> ProblemError:
        if sample is None or abs(sample) <= skew.NOTEWORTHY:
            return problem
        clock = f" This host's clock differs from the token server's by {sample:.0f} s; set it right."
        return ProblemError(problem.code, problem.detail + clock, problem.retry_after)


class _RefusedError(Exception):
    """The credentials were refused; `sample` is what the refusal shows of the server's clock."""

    def __init__(self, problem: ProblemError, sample: float | None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.sample = sample


def _origin(request: TokenRequest) -> str:
    return str(yarl.URL(request.token_url).origin())


def _form(request: TokenRequest, assertion: Secret) -> bytes:
    parameters = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion.reveal(),
    }
    if request.scope:
        parameters["scope"] = " ".join(request.scope)
    return urlencode(parameters).encode()


def _sample(response: aiohttp.ClientResponse, sent: float, received: float) -> float | None:
    # With Age the answer comes out of a cache, and its Date is of yore (RFC 9111, section 5.1).
    dates = response.headers.getall("Date", [])
    if "Age" in response.headers or len(dates) != 1:
        return None
    date = parse_http_date(dates[0])
    return None if date is None else skew.take_sample(date, sent, received)


async def _read(response: aiohttp.ClientResponse, date: float) -> TokenAnswer:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > LARGEST_ANSWER:
            response.close()
            raise ProblemError("token-malformed", f"The token server's answer is larger than {LARGEST_ANSWER} bytes.")
    return TokenAnswer(
        response.status,
        bytes(body),
        response.headers.get("Content-Type", ""),
        response.headers.get("Content-Encoding", ""),
        response.headers.get("Retry-After"),
        response.headers.get("Location"),
        date,
    )
