"""Adapter: reload, drain, end and settle over HTTP.

Owns the four addresses, what is answered there, and the line and the count of each attempt. Refuses to decide who may
act (`action_rights`, `request_guard`), and to do it: what does is handed in.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

import structlog

from fla_gateway.access.authentication.credentials import read_credential
from fla_gateway.access.refusal import Refusal
from fla_gateway.admin import peer_uid
from fla_gateway.admin.access_rules import AdminAccess, Place
from fla_gateway.admin.action_rights import (
    ActionRequest,
    Permitted,
    connection_place,
    has_basic,
    is_forwarded,
    judge_action,
)
from fla_gateway.admin.aiohttp_server import web
from fla_gateway.admin.failed_attempts import Attempts
from fla_gateway.admin.gateway_actions import GatewayActions, Reloaded
from fla_gateway.admin.responses import action_problem, answering_in
from fla_gateway.clock import Clock
from fla_gateway.config.values.address import Address
from fla_gateway.errors import ProblemError, ReloadRefusedError, SettlementRefusedError
from fla_gateway.i18n.message import Text

Action = Literal["reload", "dry-run", "drain", "quit", "settle"]
Result = Literal["done", "refused", "not-permitted", "failed"]

SETTLE: Final = "/-/audit/settle"
PATHS: Final = frozenset({"/-/reload", "/-/drain", "/-/quit", SETTLE})
"""What needs the right to act."""
_PERMITTED: Final = web.RequestKey("permitted", Permitted)
_UID: Final = web.RequestKey("uid", int)
_DRY: Final = {(): False, (("dry_run", "false"),): False, (("dry_run", "true"),): True}
_QUIET_SECONDS: Final = 60.0
_LOOKS: Final = 3
"""How often the owner of a connection is looked for: a table that changes while it is read may miss a line."""
_REFUSED: Final = Text("Nothing was changed, and the former configuration stays in force. 'faults' says what to mend.")
_QUERY: Final = Text("Here is dry_run=true or dry_run=false, and nothing else; nothing was done.")
_NO_QUERY: Final = Text("Here is nothing after the path; nothing was done.")
LARGEST_BODY: Final = 65_536
"""Bytes of the body of a settlement."""
_UNSETTLED: Final = Text("None of them was settled; 'faults' names those that cannot be, and why.")
_TOO_LARGE: Final = Text("The body is longer than {most} bytes; nothing was settled.", most=LARGEST_BODY)
_NO_BODY: Final = Text("An action has no body; nothing was done.")

_LOG = structlog.get_logger()


class Actions:
    """The handlers.

    Args:
        gateway: does it.
        access: who may act.
        clock: the host's clocks.
        attempts: wrong keys on this listener.
        counts: how often which action had which result.
        acted: called when an action has ended.
    """

    def __init__(
        self,
        gateway: GatewayActions,
        access: AdminAccess,
        clock: Clock,
        attempts: Attempts,
        counts: Counter[tuple[str, str]],
        acted: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self.access = access
        self._clock = clock
        self._attempts = attempts
        self._counts = counts
        self._acted = acted
        self._log_from = -math.inf
        self._unlogged = 0
        self._reloads: set[asyncio.Task[Reloaded]] = set()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_post("/-/reload", self._reload)
        router.add_post("/-/drain", self._drain)
        router.add_post("/-/quit", self._quit)
        router.add_post(SETTLE, self._settle)

    async def refusal(self, request: web.Request, address: Address, *, encrypted: bool) -> web.Response | None:
        """Decide whether this client may act here, and whether it asks for something that there is; None if both.

        Args:
            request: asks for one of `PATHS`, and has passed the guard.
            address: where the listener listens.
            encrypted: whether it speaks TLS.
        """
        action = _action_of(request)
        place = connection_place(address, _ends(request))
        lines = [(name, b":" + value) for name, value in request.raw_headers]
        uid = None if place is Place.BEYOND or is_forwarded(lines) else await _uid(request)
        asked = ActionRequest(place, encrypted, uid, read_credential(lines), has_basic(lines))
        found = judge_action(asked, self.access, self._clock.wall())
        if isinstance(found, Refusal):
            return self._not_permitted(action, found, uid)
        if request.body_exists and action != "settle":
            return action_problem("body-too-large", _NO_BODY)
        if tuple(request.query.items()) not in _queries(action):
            return action_problem("malformed-request", _QUERY if action in {"reload", "dry-run"} else _NO_QUERY)
        request[_PERMITTED] = found
        if uid is not None:
            request[_UID] = uid
        return None

    async def close(self) -> None:
        """End the reloads that run."""
        for task in self._reloads:
            task.cancel()
        await asyncio.gather(*self._reloads, return_exceptions=True)

    def _not_permitted(self, action: Action, found: Refusal, uid: int | None) -> web.Response:
        self._counts[action, "not-permitted"] += 1
        now = self._clock.monotonic()
        pause = self._attempts.failed(now) if found.code == "credentials-refused" else 0
        # At most once a minute: no client is to fill the log by asking.
        if now >= self._log_from:
            _LOG.warning("admin-action-refused", action=action, code=found.code, uid=uid, unlogged=self._unlogged)
            self._log_from = now + _QUIET_SECONDS
            self._unlogged = 0
        else:
            self._unlogged += 1
        if pause:
            detail = Text("Too many wrong keys have come in within a minute; the right one is taken at any time.")
            return action_problem("too-many-requests", detail, retry_after=pause)
        return action_problem(found.code, found.detail)

    async def _reload(self, request: web.Request) -> web.Response:
        action = _action_of(request)
        # A client that hangs up ends its request, and not the reload.
        task = asyncio.get_running_loop().create_task(self._gateway.reload(dry_run=action == "dry-run"))
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)
        task.add_done_callback(lambda done: self._note(action, request, _result_of(done)))
        try:
            reloaded = await asyncio.shield(task)
        except ReloadRefusedError as error:
            faults = [it.members(answering_in.get()) for it in error.faults]
            return action_problem("reload-refused", _REFUSED, {"faults": faults})
        except ProblemError as error:
            return action_problem(error.code, error.detail)
        return web.json_response(
            {
                "applied": reloaded.applied,
                "generation": reloaded.generation,
                "changes": [{"path": it.path, "change": it.change} for it in reloaded.changes],
            }
        )

    async def _settle(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._unsettled(request, action_problem("body-too-large", _TOO_LARGE))
        from fla_gateway.admin.settle_request import read_settlements  # noqa: PLC0415 - read where it is asked for

        asked = read_settlements(body, request.get(_UID))
        if isinstance(asked, Text):
            return self._unsettled(request, action_problem("settlement-refused", asked))
        try:
            await self._gateway.settle(asked)
        except SettlementRefusedError as error:
            faults = {"faults": [it.members() for it in error.faults]}
            return self._unsettled(request, action_problem("settlement-refused", _UNSETTLED, faults))
        except ProblemError as error:
            return self._unsettled(request, action_problem(error.code, error.detail))
        self._note("settle", request, "done")
        return web.json_response({"settled": [it.request_id for it in asked], "as": asked[0].result})

    def _unsettled(self, request: web.Request, answer: web.Response) -> web.Response:
        self._note("settle", request, "refused")
        return answer

    async def _drain(self, request: web.Request) -> web.Response:
        self._note("drain", request, "done")
        self._gateway.drain()
        return _accepted("drain")

    async def _quit(self, request: web.Request) -> web.Response:
        self._note("quit", request, "done")
        self._gateway.quit()
        return _accepted("quit")

    def _note(self, action: Action, request: web.Request, result: Result) -> None:
        self._counts[action, result] += 1
        self._acted()
        _LOG.info("admin-action", action=action, by=request[_PERMITTED].by, result=result)


def _action_of(request: web.Request) -> Action:
    match request.match_info.route.resource:
        case None:
            raise ValueError("no action is at this address")
        case resource if resource.canonical == "/-/drain":
            return "drain"
        case resource if resource.canonical == "/-/quit":
            return "quit"
        case resource if resource.canonical == SETTLE:
            return "settle"
    return "dry-run" if _DRY.get(tuple(request.query.items())) else "reload"


def _queries(action: Action) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple(_DRY) if action in {"reload", "dry-run"} else ((),)


def _ends(request: web.Request) -> list[str]:
    """Return the addresses of both ends of a TCP connection; of a unix socket none."""
    if request.transport is None:
        return []
    names = [request.transport.get_extra_info(name) for name in ("sockname", "peername")]
    return [name[0] for name in names if isinstance(name, tuple)]


async def _uid(request: web.Request) -> int | None:
    sock = None if request.transport is None else request.transport.get_extra_info("socket")
    if sock is None:
        return None
    for _ in range(_LOOKS):
        if (uid := await asyncio.to_thread(peer_uid.peer_uid, sock)) is not None:
            return uid
    return None


def _result_of(task: asyncio.Task[Reloaded]) -> Result:
    if task.cancelled():
        return "failed"
    error = task.exception()
    if error is None:
        return "done"
    return "refused" if isinstance(error, ReloadRefusedError | ProblemError) else "failed"


def _accepted(action: Action) -> web.Response:
    return web.json_response({"accepted": action}, status=202)
