"""Pages of a Chromium that runs, driven over its DevTools protocol on the loop of the test.

    async def test_something(page):                 # a fixture of tests.support.browser
        await page.emulate(dark=True, width=360, height=740)
        await page.open("http://localhost:8481/")   # waits for the load event
        assert await page.evaluate("document.title") == "..."
        assert await page.evaluate("await (await fetch('/status')).json()")     # promises are awaited
        await page.press("Tab")
        await page.until("document.querySelector('h1')")
        page.console      # messages of the console, refusals by a Content-Security-Policy among them
        page.exchanges    # what was asked over the network: method, URL, request fields, status, or why it failed
        await page.screenshot(path)

`set_content` plays any page of the internet without a server for it.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.chromium import ChromiumProcess
from tests.support.waiting import PATIENCE

_KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    " ": (32, " "),
    "Escape": (27, ""),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
}
_SHIFT = 8


class PageError(AssertionError):
    """A command failed, or a script threw."""


@dataclass
class NetworkExchange:
    """One thing that a page asked for.

    Attributes:
        method: of the request.
        url: of the request.
        kind: ``Document``, ``Fetch``, ``Image``, ``Stylesheet``, ``Script`` ...
        fields: what the page itself would see of the request's fields; Host and Sec-Fetch-* are added once it is sent.
        status: status code of the answer, 0 before one.
        failure: why it failed, or empty; a blocked one says by what.
    """

    method: str
    url: str
    kind: str
    fields: dict[str, str] = field(default_factory=dict)
    status: int = 0
    failure: str = ""


class _Wire:
    """The commands and events of one connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pages: dict[str, Page] = {}

    async def read(self) -> None:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            document = json.loads(message.data)
            answer = self._answers.pop(document.get("id", 0), None)
            if answer is not None and not answer.done():
                answer.set_result(document)
            elif (page := self.pages.get(document.get("sessionId", ""))) is not None:
                page.note(document["method"], document["params"])

    async def command(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        document = {"id": number, "method": method, "params": params}
        await self._socket.send_json(document if session is None else {**document, "sessionId": session})
        async with asyncio.timeout(PATIENCE):
            given = await answer
        if "error" in given:
            raise PageError(f"{method}: {given['error']['message']}")
        result: dict[str, Any] = given["result"]
        return result


class Page:
    """One tab."""

    def __init__(self, wire: _Wire, session: str) -> None:
        self._wire = wire
        self._session = session
        self._changed = asyncio.Event()
        self._loads = 0
        self._by_id: dict[str, NetworkExchange] = {}
        self.console: list[str] = []
        self.exchanges: list[NetworkExchange] = []
        self.dialogs: list[str] = []

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send any command of the DevTools protocol to this tab."""
        return await self._wire.command(method, self._session, **params)

    @property
    def navigations(self) -> int:
        """Documents loaded so far."""
        return self._loads

    async def open(self, url: str) -> None:
        """Navigate as a person does who types an address, and wait until everything is loaded.

        Raises:
            PageError: no document came.
        """
        before = self._loads
        answer = await self.command("Page.navigate", url=url)
        if "errorText" in answer:
            raise PageError(f"{url}: {answer['errorText']}")
        await self._wait(lambda: self._loads > before)

    async def set_content(self, html: str, *, at: str) -> None:
        """Show a document as if it had come from an address; nothing is asked of that host for the document itself.

        Args:
            html: the document.
            at: its address, for example ``http://evil.example/``; further requests to it go over the network.
        """
        await self.command("Fetch.enable", patterns=[{"urlPattern": at, "resourceType": "Document"}])
        self._document = html
        await self.open(at)
        await self.command("Fetch.disable")

    async def evaluate(self, script: str) -> Any:
        """Run a script in the page and give its value as JSON; a promise is awaited.

        Raises:
            PageError: it threw.
        """
        wrapped = f"(async () => ({script}))()"
        answer = await self.command("Runtime.evaluate", expression=wrapped, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            detail = answer["exceptionDetails"]
            raise PageError(detail.get("exception", {}).get("description") or detail["text"])
        return answer["result"].get("value")

    async def run(self, script: str) -> None:
        """Run statements in the page's own scope, for example a library; the page's policy does not bind them."""
        answer = await self.command("Runtime.evaluate", expression=f"{script}\n;0", returnByValue=True)
        if "exceptionDetails" in answer:
            raise PageError(answer["exceptionDetails"]["text"])

    async def until(self, script: str) -> Any:
        """Wait until an expression is true, looking at it at each frame; give its value.

        Raises:
            PageError: it did not become true in time.
        """
        poll = (
            "new Promise((done) => { const end = performance.now() + 10000; const look = () => {"
            f"const value = ({script}); if (value) done([value]); else if (performance.now() > end) done(null);"
            "else setTimeout(look, 10); }; look(); })"
        )
        value = await self.evaluate(poll)
        if value is None:
            raise PageError(f"never came true: {script}")
        return value[0]

    async def emulate(
        self, *, dark: bool = False, reduced_motion: bool = False, width: int = 1280, height: int = 900
    ) -> None:
        """Set colour scheme, motion and size of the viewport; below 600 CSS pixels it is a phone's."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"},
        ]
        await self.command("Emulation.setEmulatedMedia", features=features)
        phone = width < 600
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key: Tab, Enter, Escape, Home, End, an arrow or the space bar."""
        code, text = _KEYS[key]
        facts = {"key": key, "windowsVirtualKeyCode": code, "modifiers": _SHIFT if shift else 0}
        await self.command("Input.dispatchKeyEvent", type="keyDown", text=text, **facts)
        await self.command("Input.dispatchKeyEvent", type="keyUp", **facts)

    async def scripts(self, *, enabled: bool) -> None:
        """Switch JavaScript of pages on or off, from the next navigation."""
        await self.command("Emulation.setScriptExecutionDisabled", value=not enabled)

    async def fields(self, fields: dict[str, str]) -> None:
        """Send further request fields with everything, for example Authorization."""
        await self.command("Network.setExtraHTTPHeaders", headers=fields)

    async def offline(self, *, offline: bool) -> None:
        """Cut the tab's network, or mend it."""
        await self.command(
            "Network.emulateNetworkConditions",
            offline=offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    async def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Take a picture of the viewport, or of the whole page."""
        facts: dict[str, Any] = {}
        if whole:
            size = (await self.command("Page.getLayoutMetrics"))["cssContentSize"]
            facts["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        answer = await self.command("Page.captureScreenshot", captureBeyondViewport=whole, **facts)
        path.write_bytes(base64.b64decode(answer["data"]))  # noqa: ASYNC240 - a test waits for nothing else

    async def settled(self, url_part: str) -> NetworkExchange:
        """Wait until something whose URL contains this has been answered or has failed."""
        found: NetworkExchange = await self._wait(
            lambda: next((it for it in self.exchanges if url_part in it.url and (it.status or it.failure)), None)
        )
        return found

    async def _wait(self, condition: Any) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._changed.clear()
                await self._changed.wait()
        return value

    def note(self, method: str, params: dict[str, Any]) -> None:
        """Take note of an event."""
        match method.partition("."):
            case ("Runtime" | "Log", _, name):
                self.console.extend(_words(name, params))
            case ("Network", _, name):
                self._note_network(name, params)
            case ("Page", _, "loadEventFired"):
                self._loads += 1
            case ("Page", _, "javascriptDialogOpening"):
                self.dialogs.append(params["message"])
                self._answer("Page.handleJavaScriptDialog", accept=True)
            case ("Fetch", _, "requestPaused"):
                self._give(params)
        self._changed.set()

    def _note_network(self, name: str, params: dict[str, Any]) -> None:
        if name == "requestWillBeSent":
            asked = params["request"]
            exchange = NetworkExchange(asked["method"], asked["url"], params.get("type", ""), asked["headers"])
            self._by_id[params["requestId"]] = exchange
            self.exchanges.append(exchange)
        found = self._by_id.get(params.get("requestId", ""))
        if found is None:
            return
        match name:
            case "requestWillBeSentExtraInfo":
                found.fields.update(params["headers"])
            case "responseReceived":
                found.status = params["response"]["status"]
            case "loadingFailed":
                found.failure = params.get("blockedReason") or params["errorText"]

    def _give(self, params: dict[str, Any]) -> None:
        body = base64.b64encode(self._document.encode()).decode()
        self._answer(
            "Fetch.fulfillRequest",
            requestId=params["requestId"],
            responseCode=200,
            responseHeaders=[{"name": "Content-Type", "value": "text/html; charset=utf-8"}],
            body=body,
        )

    def _answer(self, method: str, **params: Any) -> None:
        task = asyncio.get_running_loop().create_task(self.command(method, **params))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    _document = ""
    _tasks: set[asyncio.Task[Any]] = set()  # noqa: RUF012 - only keeps them alive until they are done


def _words(name: str, params: dict[str, Any]) -> list[str]:
    match name:
        case "consoleAPICalled":
            return [" ".join(str(it.get("value", it.get("description"))) for it in params["args"])]
        case "exceptionThrown":
            detail = params["exceptionDetails"]
            return [detail.get("exception", {}).get("description") or detail["text"]]
        case "entryAdded":
            return [params["entry"]["text"]]
    return []


@asynccontextmanager
async def open_page(chromium: ChromiumProcess, *, own: bool = False) -> AsyncIterator[Page]:
    """Have the tab that tests share, one after the other, or one of the test's own.

    What is emulated in a tab, and what it was made to send, ends with the connection of a test. What its context
    remembers of a server, such as a password, is for the server's port, which is another one in each test.

    Args:
        chromium: the browser.
        own: in a browser context of its own, which shares no cookie, cache or password with another; half a second
            dearer.
    """
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(chromium.endpoint, max_msg_size=0) as socket,
    ):
        wire = _Wire(socket)
        reading = asyncio.get_running_loop().create_task(wire.read())
        tab = await _new_tab(wire, passing=True) if own else next(iter(chromium.tabs), "")
        if not tab:
            tab = await _new_tab(wire, passing=False)
            chromium.tabs.append(tab)
        attached = await wire.command("Target.attachToTarget", targetId=tab, flatten=True)
        page = wire.pages[attached["sessionId"]] = Page(wire, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.command(f"{domain}.enable")
        # The window of another worker's tab may be in front of it.
        await page.command("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.command("Network.setCacheDisabled", cacheDisabled=False)
        await page.emulate()
        try:
            yield page
        finally:
            if not own:
                await page.open("about:blank")
                await page.command("Log.clear")
            await socket.close()
            await reading


async def _new_tab(wire: _Wire, *, passing: bool) -> str:
    """Make a tab in a browser context of its own, which may go with the connection; give its identifier."""
    context = (await wire.command("Target.createBrowserContext", disposeOnDetach=passing))["browserContextId"]
    made = await wire.command("Target.createTarget", url="about:blank", browserContextId=context)
    identifier: str = made["targetId"]
    return identifier
