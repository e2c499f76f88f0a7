"""Root: one call to the API itself, without a gateway, with a token of its own.

Owns the wiring. Refuses methods that change something: without a gateway there is no journal that would know of them.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fla_gateway.cli.trial.call import Call, shown_fields
from fla_gateway.cli.trial.trial import SHOWN_BODY, Response
from fla_gateway.clock import Clock, SystemClock
from fla_gateway.errors import ConfigurationError, Fault, ProblemError
from fla_gateway.http1.errors import ProtocolError
from fla_gateway.http1.fields import value_of
from fla_gateway.i18n.message import Message, Sentence, Text
from fla_gateway.network.broken_rule import broken_rule
from fla_gateway.network.connect_tunnel import USER_AGENT
from fla_gateway.network.connection_errors import NoConnectionError
from fla_gateway.network.dialer import Dialer
from fla_gateway.network.phase_timer import PhaseTimer
from fla_gateway.network.resolver import Resolver
from fla_gateway.network.route import Destination, Route
from fla_gateway.network.single_request import Reply, send_request
from fla_gateway.profiles import Profile
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.token_client import egress_of, fetch_once
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.default_executor import UnwaitedExecutor
from fla_gateway.secret import Secret

PERMITTED: Final = frozenset({"GET", "HEAD"})
_CONNECT_SECONDS: Final = 10.0
_TOTAL_SECONDS: Final = 75.0
_LARGEST: Final = 16 * 1024 * 1024
_ROOTS: Final = Text("'ca_file' under [egress] or [environments.NAME]")
_CURE: Final = Text("Check network, firewall and egress.proxy.")
_BEARER: Final = "[token]"
_ENDED: Final = frozenset({"response-missing", "response-truncated", "tls-failed"})
"""Codes of an answer that did not come whole."""

Phases = tuple[tuple[str, float], ...]


def call_directly(configured: Configured, profile: Profile, call: Call) -> tuple[Response, Phases]:
    """Get a token, make the call, and return its response with the seconds of each phase.

    Args:
        configured: what was read.
        profile: the one that calls.
        call: what is asked of the API.

    Raises:
        ConfigurationError: the profile does not permit the path, or a file cannot be used.
        UnusableKeyError: the profile's key cannot be used.
        ProblemError: no token came, or no answer.
    """
    _judge(profile, call)
    clock = SystemClock()
    fetched = fetch_once(configured, profile, clock)
    timer = PhaseTimer(clock.monotonic)
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(UnwaitedExecutor())
        reply = runner.run(_send(configured, profile, call, fetched.token.value, timer, clock))
    return _response(reply, fetched.token.value), (("token", fetched.seconds), *timer.seconds)


def _judge(profile: Profile, call: Call) -> None:
    path = call.target.partition("?")[0]
    permitted = profile.prefixes or ("/REST",)
    if not any(path == it or path.startswith(f"{it}/") for it in permitted) or "/oauth" in path.lower():
        message = Message("path-not-of-profile", "is not among the paths of this profile")
        raise ConfigurationError((Fault("PATH", message, Text("they are: {paths}", paths=", ".join(permitted))),))
    if "/." in path or ("%" in path and ("%2e" in path.lower() or "%2f" in path.lower())):
        message = Message("path-ambiguous", "could be taken for another path")
        raise ConfigurationError(
            (Fault("PATH", message, Text("make it through the gateway, which judges such paths")),)
        )


async def _send(
    configured: Configured, profile: Profile, call: Call, token: Secret, timer: PhaseTimer, clock: Clock
) -> Reply:
    files, egress = configured.files, configured.settings.configuration.egress
    trust = Trust(egress.ca_file, files)
    trust.prepare((profile,))
    upstream = profile.upstream
    destination = Destination(upstream.host, upstream.port, Text("API"), "api_base", _ROOTS, _CURE)
    try:
        async with asyncio.timeout(_TOTAL_SECONDS):
            return await send_request(
                Dialer(clock.monotonic, Resolver(clock.monotonic)),
                Route(destination, egress_of(egress, files)),
                trust.context(upstream.ca_file),
                _message(profile, call, token),
                connect_seconds=_CONNECT_SECONDS, largest=_LARGEST, time=clock.monotonic, timer=timer,
            )  # fmt: skip
    except NoConnectionError as error:
        raise ProblemError("api-unreachable", error.message) from None
    except ProtocolError as error:
        code = "api-closed" if error.code in _ENDED else "api-malformed"
        raise ProblemError(code, Sentence("{rule}", rule=broken_rule(error))) from None
    except TimeoutError:
        late = Text("The API gave no answer within {seconds} s.", seconds=f"{_TOTAL_SECONDS:g}")
        raise ProblemError("api-timeout", late) from None


def _message(profile: Profile, call: Call, token: Secret) -> bytes:
    given = {name.lower() for name, _ in call.fields}
    lines = [f"{call.method} {call.target} HTTP/1.1", f"Host: {profile.upstream.authority}"]
    lines += [f"{name}: {value}" for name, value in shown_fields(call)]
    lines += [] if "user-agent" in given else [f"User-Agent: {USER_AGENT}"]
    lines += [] if "accept-encoding" in given else ["Accept-Encoding: identity"]
    lines += [f"Authorization: Bearer {token.reveal()}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _response(reply: Reply, token: Secret) -> Response:
    """Take the response; an API that repeats the token does not have it shown."""
    revealed = token.reveal()

    def plain(octets: bytes) -> str:
        return octets.decode("latin-1").replace(revealed, _BEARER)

    fields = tuple((plain(name), plain(value_of(rest))) for name, rest in reply.response.lines)
    body = reply.response.body.replace(revealed.encode(), _BEARER.encode())
    return Response(reply.response.status, "", fields, body[: SHOWN_BODY + 1])
