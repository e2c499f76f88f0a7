"""The demo as a whole (root): directory, environment, scenario, and what remains for the person to try.

Owns the order of things and the exit code. Refuses to know the steps.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import aiohttp

from fla_gateway.cli.demonstration.caller import Caller
from fla_gateway.cli.demonstration.console import Console
from fla_gateway.cli.demonstration.environment import Environment, NotReadyError, set_up
from fla_gateway.cli.demonstration.scenario import Scenario
from fla_gateway.cli.exit_codes import FINDINGS, WELL, WRONG_USE
from fla_gateway.cli.output.background_output import BackgroundOutput
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.sandbox import SandboxError


async def run_demo(*, once: bool) -> int:
    """Show the main job.

    Args:
        once: end after the last step, instead of staying up until the task is cancelled.

    Returns:
        0 if everything behaved, 2 without a temporary directory, else 1.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="fla-gateway-demo-")
    except OSError as error:
        complain(_no_directory(str(error.strerror or error)))
        return WRONG_USE
    output = BackgroundOutput()
    output.start()
    try:
        with temporary as directory:
            return await _run(Path(directory), Console(output), once=once)
    finally:
        output.close()


async def _run(directory: Path, console: Console, *, once: bool) -> int:
    try:
        # With `--once` no command is pasted into a shell meanwhile: it leaves the usual ports free.
        async with set_up(directory, usual_ports=not once) as environment:
            await _show(environment, console, once=once)
    except NotReadyError as error:
        console.verdict(False, error.text)  # noqa: FBT003 - nothing behaved
        console.excerpt(*error.last_words.splitlines())
    except SandboxError as error:
        console.verdict(False, str(error))  # noqa: FBT003 - as above
    except OSError as error:
        if error.filename is None or directory not in Path(error.filename).parents:
            raise
        complain(_no_directory(f"{error.filename}: {error.strerror}"))
        return WRONG_USE
    return FINDINGS if console.failures else WELL


def _no_directory(reason: str) -> Text:
    return Text(
        "the demo keeps keys, a configuration and a log in a temporary directory, and cannot write to one ({reason}); "
        "make /tmp writable, or set TMPDIR to a directory that is",
        reason=reason,
    )


async def _show(environment: Environment, console: Console, *, once: bool) -> None:
    console.heading(
        "fla-gateway demo",
        Text("Everything is on this machine and thrown away at the end; nothing reaches the social security."),
    )
    console.excerpt(
        Text("your program -- plain HTTP --> gateway -- TLS and token --> government side"),
        Text("gateway          {url}", url=environment.gateway),
        Text("government side  {url} (a stand-in)", url=environment.sandbox.url),
    )
    console.say(
        Text(
            "This gateway does not ask who calls: every program on this machine may call it. A configuration of your "
            "own names its callers, gives each a key, and says what it may do (README, `fla-gateway caller new`)."
        )
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        scenario = Scenario(environment, Caller(session), console)
        await scenario.run()
    _sum_up(environment, console)
    if not once:
        _invite(environment, console, scenario)
        await asyncio.Event().wait()


def _sum_up(environment: Environment, console: Console) -> None:
    if console.failures:
        number = Plural("One thing did not behave.", "{count} things did not behave.", count=console.failures)
        console.heading(number, Text("The gateway's last words:"))
        console.excerpt(*environment.last_words().splitlines())
        return
    console.heading(Text("Everything behaved."), Text("The callers of this demo held no secret and saw no trouble."))


def _invite(environment: Environment, console: Console, scenario: Scenario) -> None:
    console.heading(Text("Your turn"), Text("It stays up until Ctrl-C. In another terminal:"))
    console.command(scenario.declaration().curl())
    console.command(scenario.mirror().curl())
    sandbox = environment.sandbox
    control = f'{sandbox.control_url}/faults -H "Sandbox-Secret: $(cat {sandbox.directory}/control.secret)"'
    console.say(Text("Break the token server, call again, and mend it (more faults: docs/sandbox.md):"))
    console.command(f'curl -X PUT {control} -d \'{{"token": "down"}}\'')
    console.command(f"curl -X DELETE {control}")
    console.say(
        Text("How the gateway fares, in a browser: {url}/. What it measures, and what it says:", url=environment.admin)
    )
    console.command(f"curl {environment.admin}/metrics")
    console.command(f"tail -f {environment.log}")
