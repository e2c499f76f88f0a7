"""The demo's scenario: three calls, a token that expires, a token server that fails.

Owns the steps and what each must show to count as good. Refuses to know how environment, caller and console do their
part.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from fla_gateway.cli.demonstration.caller import Answer, Call, Caller, Flow
from fla_gateway.cli.demonstration.console import Console
from fla_gateway.cli.demonstration.environment import TOKEN_LIFE, Environment
from fla_gateway.i18n.message import Text
from fla_gateway.lean_dataclass import dataclass

DECLARATION: Final = {"employer": "0123456789", "action": "in", "startDate": "2026-11-02"}
POLL_SECONDS: Final = 0.5
POLLS: Final = 20
OUTAGE_LIFE: Final = 10
OUTAGE_SECONDS: Final = 20.0
USUAL_LIFE: Final = 300
LOOK_SECONDS: Final = 0.02
SHOWN_FIELDS: Final = ("host", "authorization", "belgov-trace-id", "via")


@dataclass(frozen=True, slots=True)
class Scenario:
    """The steps, in order."""

    environment: Environment
    caller: Caller
    console: Console

    async def run(self) -> None:
        """Go through all steps; `console.failures` says how it went."""
        location = await self.declare()
        await self.poll(location)
        await self.echo()
        await self.outlive_a_token()
        await self.outlive_the_token_server()
        self.environment.sandbox.change(token_life=USUAL_LIFE)

    def declaration(self) -> Call:
        """The call that declares."""
        return Call("POST", f"{self.environment.base}/REST/dimona/v2/declarations", DECLARATION)

    def mirror(self) -> Call:
        """The call that shows what arrives."""
        return Call("GET", f"{self.environment.base}/REST/echo/v1/hello?name=caf%C3%A9&b=2&a=1")

    async def declare(self) -> str:
        """Step 1. Give the address of the declaration."""
        self.console.heading(
            Text("1. Declare an employee"),
            Text(
                "Plain HTTP, without key, certificate, OAuth or TLS. The gateway signs an assertion, gets a token for "
                "it and forwards the call over TLS."
            ),
        )
        answer = await self._show(self.declaration(), "Location", "Fla-Gateway-Origin")
        location = answer.fields.get("Location", "")
        self.console.verdict(answer.status == 201, Text("The declaration was accepted."))  # noqa: PLR2004 - Created
        self.console.verdict(
            location.startswith(self.environment.base),
            Text("Location was rewritten: it leads back through the gateway, so following it needs no token either."),
        )
        return location

    async def poll(self, location: str) -> None:
        """Step 2."""
        self.console.heading(
            Text("2. Ask for the result"),
            Text(
                "A declaration takes a moment. Until it is processed the API answers 404, which passes through "
                "untouched."
            ),
        )
        call = Call("GET", location or f"{self.environment.base}/REST/dimona/v2/declarations/0")
        first = answer = await self.caller.make(call)
        for _ in range(POLLS):
            if answer.status != 404:  # noqa: PLR2004 - not processed yet
                break
            await asyncio.sleep(POLL_SECONDS)
            answer = await self.caller.make(call)
        self.console.command(call.curl())
        self.console.excerpt(f"{first.line}: {first.document.get('detail', '')}", "...", answer.line)
        self.console.excerpt(json.dumps({"declarationStatus": answer.document.get("declarationStatus")}))
        result = answer.document.get("declarationStatus")
        accepted = isinstance(result, dict) and result.get("result") == "A"
        self.console.verdict(accepted, Text("The result is there: A, accepted."))

    async def echo(self) -> None:
        """Step 3."""
        self.console.heading(
            Text("3. See what arrives at the other side"),
            Text(
                "The sandbox's echo shows the request as it came in: the same bytes of path and query, and a valid "
                "token that the caller never saw."
            ),
        )
        call = self.mirror()
        answer = await self._show(call, "Fla-Gateway-Origin")
        shown = answer.document
        fields = [(name, value) for name, value in shown.get("fields", []) if name.lower() in SHOWN_FIELDS]
        request = f"{shown.get('method')} {shown.get('target')}"
        arrived = (request, *(f"{name}: {value}" for name, value in fields))
        self.console.excerpt(*(Text("arrived: {what}", what=it) for it in arrived))
        self.console.verdict(
            shown.get("target") == call.url.removeprefix(self.environment.base),
            Text("Path and query arrived byte for byte."),
        )
        self.console.verdict(
            ["Authorization", "Bearer [valid]"] in shown.get("fields", []), Text("The gateway added a valid token.")
        )

    async def outlive_a_token(self) -> None:
        """Step 4."""
        self.console.heading(
            Text("4. Let the token expire"),
            Text(
                "Tokens live {seconds} seconds in this demo. A program that caches its token naively fails now and "
                "then; the gateway fetches the next one before the old one ends.",
                seconds=TOKEN_LIFE,
            ),
        )
        sandbox = self.environment.sandbox
        before = sandbox.state()
        # The token that the next step lives on is minted here, so that no time is lost.
        sandbox.change(token_life=OUTAGE_LIFE)
        async with self._flow() as flow:
            await asyncio.sleep(TOKEN_LIFE + POLL_SECONDS)
        after = sandbox.state()
        minted = after["minted"] - before["minted"]
        refused = after["counters"]["bearer_refused"]
        self.console.verdict(
            flow.all_well, Text("{calls} in {seconds} s.", calls=flow.summary, seconds=str(TOKEN_LIFE + POLL_SECONDS))
        )
        self.console.verdict(
            minted > 0, Text("New tokens fetched meanwhile: {number}, one for all calls.", number=minted)
        )
        self.console.verdict(
            not refused,
            Text("Calls that reached the API with an expired token: {number}.", number=sum(refused.values())),
        )

    async def outlive_the_token_server(self) -> None:
        """Step 5."""
        self.console.heading(
            Text("5. Break the token server"),
            Text(
                "It now closes every connection without an answer. Calls go on with the token that it has, while the "
                "gateway tries again in the background."
            ),
        )
        sandbox = self.environment.sandbox
        before = sandbox.state()
        async with self._flow() as flow:
            sandbox.script(token="down")  # noqa: S106 - a fault, not a password
            failed = await _until(lambda: self._drops() > 0)
            sandbox.script()
            mended = await _until(lambda: sandbox.state()["minted"] > before["minted"])
        self.console.verdict(failed, Text("Token requests that failed: {number}.", number=self._drops()))
        self.console.verdict(mended, Text("The token server is back, and the gateway has a new token."))
        self.console.verdict(flow.all_well, Text("{calls}: no caller noticed.", calls=flow.summary))

    def _drops(self) -> int:
        drops: int = self.environment.sandbox.state()["counters"]["token_faults"].get("down", 0)
        return drops

    async def _show(self, call: Call, *fields: str) -> Answer:
        answer = await self.caller.make(call)
        self.console.command(call.curl())
        self.console.excerpt(answer.line)
        self.console.excerpt(*(f"{name}: {answer.fields[name]}" for name in fields if name in answer.fields))
        if answer.status >= 400:  # noqa: PLR2004 - errors
            self.console.excerpt(str(answer.document.get("detail", "")))
        return answer

    @asynccontextmanager
    async def _flow(self) -> AsyncIterator[Flow]:
        """Keep a steady flow of calls going meanwhile."""
        flow, enough = Flow(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.caller.keep_calling(self.mirror(), flow, enough))
            try:
                yield flow
            finally:
                enough.set()


async def _until(condition: Callable[[], bool]) -> bool:
    """Wait for something to happen in the sandbox; False if it does not in time."""
    for _ in range(round(OUTAGE_SECONDS / LOOK_SECONDS)):
        if condition():
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
