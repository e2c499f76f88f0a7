"""Adapter: the only POST to a token endpoint.

Owns the request, the learned clock offsets and the sequence assertion, request, answer. Refuses to keep tokens
and to try again on its own, but for the one assertion that was made with a wrong clock. No assertion is sent twice.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.catalog.rights import rights_for_scopes
from fla_gateway.clock import Clock
from fla_gateway.errors import GatewayError, ProblemError
from fla_gateway.http1.dates import parse_http_date
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.whole_response import WholeResponse
from fla_gateway.i18n.message import Text
from fla_gateway.network.connection_errors import NoConnectionError
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.route import Egress, Route
from fla_gateway.network.single_request import Reply, send_request
from fla_gateway.oauth import assertion as jwt
from fla_gateway.oauth import clock_skew as skew
from fla_gateway.oauth.likely_causes import Known
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.oauth.negotiations import CUT, GRANTED, Negotiations, OpenNegotiation
from fla_gateway.oauth.token_http_request import (
    token_address,
    token_destination,
    token_host,
    token_message,
    token_origin,
)
from fla_gateway.oauth.token_response import LARGEST_ANSWER, TokenAnswer, error_of, read_answer
from fla_gateway.oauth.transport_errors import explain
from fla_gateway.secret import Secret
from fla_gateway.system.thread_pool import ThreadPool

CONNECT_SECONDS: Final = 3.0
"""For DNS, TCP, proxy and TLS, all addresses together."""
TOTAL_SECONDS: Final = 7.5
"""For everything, signing and a second assertion included; callers of the token engine wait 8."""
_LOG = structlog.get_logger()


_MOST_KEYS: Final = 4096
"""Keys whose last token is remembered, former ones included."""


class TokenClient:
    """Asks token servers for tokens (RFC 6749, section 4.4; RFC 7523, section 2.2). A `TokenSource`.

    Attributes:
        negotiations: the last ones of each account.
    """

    def __init__(
        self,
        keys: Mapping[str, jwt.SigningKey],
        tls: Callable[[Path | None], ssl.SSLContext],
        clock: Clock,
        *,
        egress: Egress | None = None,
        dialer: Dialer | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """Take what is needed; no connection or thread is made before the first request.

        Args:
            keys: usable keys by `TokenRequest.key_id`; looked up for each request, so that they may come and go.
            tls: gives the verifying context for a `ca_file`, shared with the data path.
            clock: the host's clocks.
            egress: the corporate proxy, or None; the environment's proxy variables are never read.
            dialer: that of the process; by default one of its own.
            connect_seconds: limit for all addresses together: DNS, TCP, tunnel, TLS.
            total_seconds: limit for one token.
        """
        self._keys = keys
        self._tls = tls
        self._clock = clock
        self._egress = egress
        self._dialer = dialer or Dialer(clock.monotonic)
        self._connect = connect_seconds
        self._total = total_seconds
        self.negotiations = Negotiations()
        self._offsets: dict[str, skew.ClockOffset] = {}
        self._last_tokens: dict[TokenRequest, float] = {}
        self._last_tokens_by_key: dict[str, float] = {}
        # A pool of its own: name resolution that hangs in the loop's default pool must not keep keys from signing.
        self._signing = ThreadPool(2, "sign")

    async def fetch(self, request: TokenRequest, *, seconds: float | None = None) -> AccessToken:
        """See `TokenSource.fetch`."""
        limit = self._total if seconds is None else min(seconds, self._total)
        try:
            async with asyncio.timeout(limit):
                return await self._fetch(request)
        except TimeoutError:
            late = Text(
                "{host} gave no token within {seconds} s; trying again.", host=token_host(request), seconds=f"{limit:g}"
            )
        raise ProblemError("token-timeout", late)

    def follow(
        self,
        tls: Callable[[Path | None], ssl.SSLContext],
        egress: Egress | None,
        keys: Mapping[str, jwt.SigningKey],
    ) -> None:
        """Use what another configuration has from the next request on; learned clock offsets stay.

        Args:
            tls: as for the constructor.
            egress: as for the constructor.
            keys: as for the constructor.
        """
        self._tls, self._egress, self._keys = tls, egress, keys
        self._last_tokens = {it: when for it, when in self._last_tokens.items() if it.key_id in keys}

    def offsets(self) -> Mapping[str, float]:
        """Give the learned clock offset in seconds by token server (origin); positive: the server is ahead."""
        return {origin: known.learned for origin, known in self._offsets.items()}

    def last_token(self, key_id: str) -> float | None:
        """Return when a token came for an assertion of a key, in seconds since 1970; None if none did so far.

        It outlives the configuration that uses the key: a key that was exchanged must not be in use for a day.
        """
        return self._last_tokens_by_key.get(key_id)

    def _keep_last(self, key_id: str, now: float) -> None:
        self._last_tokens_by_key.pop(key_id, None)
        self._last_tokens_by_key[key_id] = now
        if len(self._last_tokens_by_key) > _MOST_KEYS:
            del self._last_tokens_by_key[next(iter(self._last_tokens_by_key))]

    async def close(self) -> None:
        """Let the signing threads end."""
        self._signing.shutdown(wait=False, cancel_futures=True)

    async def _fetch(self, request: TokenRequest) -> AccessToken:
        used = self._known(request).learned
        try:
            return await self._attempt(request, used)
        except _RefusedError as error:
            refused = error
        # One odd Date teaches nothing for good, but it is reason enough for one other assertion, whose own answer
        # brings the second sample. Beyond that one the back-off of the token engine decides.
        better = skew.better_offset(refused.sample, used, self._known(request).learned)
        if better is not None:
            _LOG.info("assertion-made-again", server=token_origin(request), seconds=round(better))
            try:
                return await self._attempt(request, better)
            except _RefusedError as error:
                refused = error
        raise refused.problem

    async def _attempt(self, request: TokenRequest, offset: float) -> AccessToken:
        """Negotiate once, and keep what became of it.

        Raises:
            _RefusedError: the credentials were refused.
            ProblemError: anything else went wrong.
        """
        negotiation = OpenNegotiation(request, self._clock, offset)
        try:
            token = await self._negotiate(request, offset, negotiation)
        except ProblemError as error:
            problem = error
        except BaseException:
            self.negotiations.keep(request, negotiation.end(CUT))
            raise
        else:
            self._last_tokens[request] = now = self._clock.wall()
            self._keep_last(request.key_id, now)
            self.negotiations.keep(request, negotiation.end(GRANTED, token=token))
            return token
        self.negotiations.keep(request, negotiation.end(problem.code, problem.detail))
        try:
            raise _RefusedError(problem, negotiation.clock_sample) if problem.code == "token-refused" else problem
        finally:
            # Otherwise this frame and the error would keep each other, and with them an assertion.
            del problem

    async def _negotiate(self, request: TokenRequest, offset: float, negotiation: OpenNegotiation) -> AccessToken:
        assertion = await self._assertion(request, offset, negotiation)
        asked = self._clock.monotonic()
        reply = await self._post(request, assertion, negotiation)
        sample = negotiation.clock_sample = _sample(reply)
        self._learn(request, sample)
        answer = _answer(reply.response, reply.received if sample is None else reply.sent + sample)
        negotiation.got_response(reply.response, assertion)
        negotiation.got_error(*error_of(answer, assertion))
        grant = read_answer(answer, assertion, partial(self._what_is_known, request, sample))
        return AccessToken(grant.value, grant.lifetime, asked, grant.scope, grant.over)

    async def _assertion(self, request: TokenRequest, offset: float, negotiation: OpenNegotiation) -> Secret:
        key = self._keys.get(request.key_id)
        if key is None:
            missing = Text("There is no usable key for this account; page and log say why.")
            raise ProblemError("token-unsigned", missing)
        negotiation.found_key(key.sha256, key.certificate_ends)
        algorithm = jwt.algorithm_for(request.assertion, key, request.key)
        header = jwt.header(request.assertion, algorithm, key)
        claims = jwt.claims(request, self._clock.wall() + offset, jwt.new_jti())
        negotiation.wrote_assertion(header, claims)
        signed = jwt.signing_input(header, claims)
        loop = asyncio.get_running_loop()
        try:
            signature = await loop.run_in_executor(self._signing, key.signer.sign, algorithm, signed)
        except GatewayError as error:
            reason = error.args[0] if error.args and isinstance(error.args[0], Text) else str(error)
            failure = Text("The key could not sign: {reason}", reason=reason)
        else:
            return jwt.compact(signed, signature)
        raise ProblemError("token-unsigned", failure)

    async def _post(self, request: TokenRequest, assertion: Secret, negotiation: OpenNegotiation) -> Reply:
        context = self._tls(request.ca_file)
        url = token_address(request)
        if url is None or not context.check_hostname or context.verify_mode is not ssl.CERT_REQUIRED:
            raise ProblemError("token-unreachable", Text("An assertion is sent over verified TLS or not at all."))
        try:
            return await send_request(
                self._dialer,
                Route(token_destination(url), self._egress),
                context,
                token_message(url, request, assertion),
                connect_seconds=self._connect,
                largest=LARGEST_ANSWER,
                time=self._clock.wall,
                timer=negotiation.timer,
            )
        except (NoConnectionError, ProtocolError) as error:
            # Raised below, outside of this block: no other error hangs on a problem.
            failure = explain(error, url.host)
        raise failure

    def _known(self, request: TokenRequest) -> skew.ClockOffset:
        return self._offsets.get(token_origin(request), skew.ClockOffset())

    def _learn(self, request: TokenRequest, sample: float | None) -> None:
        if sample is None:
            return
        before = self._known(request)
        after = self._offsets[token_origin(request)] = skew.learn(before, sample)
        if not skew.should_report(before, after):
            return
        facts = {"server": token_origin(request), "seconds": round(after.learned)}
        if abs(sample) > skew.LARGEST:
            _LOG.error("clock-skew", **facts, cure=skew.cure(sample))
        elif abs(after.learned) > skew.NOTEWORTHY:
            _LOG.warning("clock-skew", **facts, cure=skew.cure(after.learned))
        else:
            _LOG.info("clock-skew-gone", **facts)

    def _what_is_known(self, request: TokenRequest, sample: float | None) -> Known:
        key, last = self._keys.get(request.key_id), self._last_tokens.get(request)
        return Known(
            now=datetime.fromtimestamp(self._clock.wall(), UTC),
            certificate_ends=None if key is None else key.certificate_ends,
            clock_offset=sample,
            algorithm=request.assertion.alg or ("" if key is None else key.signer.algorithms[0]),
            last_token=None if last is None else datetime.fromtimestamp(last, UTC),
            rights=rights_for_scopes(load_catalogue(), request.scope),
            audience_fits=request.audience == request.token_url,
        )


class _RefusedError(Exception):
    """The credentials were refused; `sample` is what the refusal shows of the server's clock."""

    def __init__(self, problem: ProblemError, sample: float | None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.sample = sample


def _sample(reply: Reply) -> float | None:
    # With Age the response was cached and its Date is stale (RFC 9111, section 5.1).
    dates = reply.response.values(b"date")
    if reply.response.values(b"age") or len(dates) != 1:
        return None
    date = parse_http_date(dates[0].decode("latin-1"))
    return None if date is None else skew.take_sample(date, reply.sent, reply.received)


def _answer(response: WholeResponse, date: float) -> TokenAnswer:
    def first(name: bytes) -> str | None:
        values = response.values(name)
        return values[0].decode("latin-1") if values else None

    return TokenAnswer(
        response.status,
        response.body,
        first(b"content-type") or "",
        first(b"content-encoding") or "",
        first(b"retry-after"),
        first(b"location"),
        date,
    )
