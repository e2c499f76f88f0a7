"""The caller of the demo: a program that knows plain HTTP and nothing else.

Owns the calls, their curl lines, and a steady flow of calls. Refuses to know what an answer should be.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text, joined, text_from
from fla_gateway.lean_dataclass import dataclass

TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
INTERVAL: Final = 0.2
NO_ANSWER: Final = 0
NO_ANSWER_CAME: Final = Text("no answer")


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `document` is sent as JSON."""

    method: str
    url: str
    document: Mapping[str, Any] | None = None

    def curl(self) -> str:
        """Write the curl line that makes the same call."""
        words = ["curl", "-i", self.url]
        if self.document is not None:
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(self.document)]
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; status `NO_ANSWER` if none came."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Mapping[str, Any]:
        """The JSON body, or nothing if it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def line(self) -> str:
        """Status code and phrase."""
        if self.status == NO_ANSWER:
            return shown(NO_ANSWER_CAME)
        known = self.status in HTTPStatus.__members__.values()
        return f"{self.status} {HTTPStatus(self.status).phrase}" if known else str(self.status)


@dataclass(slots=True)
class Flow:
    """What became of a steady flow of calls."""

    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def all_well(self) -> bool:
        """Whether there were calls and each was answered 200."""
        return set(self.statuses) == {200}

    @property
    def summary(self) -> Text:
        """What became of them, in a clause."""
        if self.all_well:
            return Text("{count} calls, every one 200", count=self.statuses.total())
        kinds = (
            text_from("{number} x {status}", {"number": number, "status": status or NO_ANSWER_CAME})
            for status, number in sorted(self.statuses.items())
        )
        return Text("{count} calls: {kinds}", count=self.statuses.total(), kinds=joined(kinds, ", "))


class Caller:
    """Makes calls over a session of its own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def make(self, call: Call) -> Answer:
        """Make one call."""
        body = None if call.document is None else json.dumps(call.document)
        fields = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                call.method,
                URL(call.url, encoded=True),
                data=body,
                headers=fields,
                allow_redirects=False,
                timeout=TIMEOUT,
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return Answer(NO_ANSWER, {}, b"")

    async def keep_calling(self, call: Call, flow: Flow, until: asyncio.Event) -> None:
        """Make the call again and again until the event is set; at least once.

        Args:
            call: what is asked for.
            flow: counts the answers by their status.
            until: ends it; a call under way is awaited first.
        """
        while True:
            answer = await self.make(call)
            flow.statuses[answer.status] += 1
            try:
                await asyncio.wait_for(until.wait(), INTERVAL)
            except TimeoutError:
                continue
            return
