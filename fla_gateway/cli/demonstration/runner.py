"""The demo as a whole (root): directory, stage, story, and what remains for the person to try.

Owns the order of things and the exit code. Refuses to know the steps.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import aiohttp

from fla_gateway.cli.demonstration.caller import Caller
from fla_gateway.cli.demonstration.console import Teller
from fla_gateway.cli.demonstration.environment import Stage, StageError, set_up
from fla_gateway.cli.demonstration.scenario import Story
from fla_gateway.cli.exit_codes import FINDINGS, WELL, WRONG_USE
from fla_gateway.cli.output.background_output import BackgroundOutput
from fla_gateway.cli.output.standard_streams import complain
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.sandbox import SandboxError


async def play(*, once: bool) -> int:
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
            return await _play(Path(directory), Teller(output), once=once)
    finally:
        output.close()


async def _play(directory: Path, teller: Teller, *, once: bool) -> int:
    try:
        # With `--once` no command is pasted into a shell meanwhile: it leaves the usual ports free.
        async with set_up(directory, usual_ports=not once) as stage:
            await _show(stage, teller, once=once)
    except StageError as error:
        teller.verdict(False, error.text)  # noqa: FBT003 - nothing behaved
        teller.excerpt(*error.last_words.splitlines())
    except SandboxError as error:
        teller.verdict(False, str(error))  # noqa: FBT003 - as above
    except OSError as error:
        if error.filename is None or directory not in Path(error.filename).parents:
            raise
        complain(_no_directory(f"{error.filename}: {error.strerror}"))
        return WRONG_USE
    return FINDINGS if teller.failures else WELL


def _no_directory(reason: str) -> Text:
    return Text(
        "the demo keeps keys, a configuration and a log in a temporary directory, and cannot write to one ({reason}); "
        "make /tmp writable, or set TMPDIR to a directory that is",
        reason=reason,
    )


async def _show(stage: Stage, teller: Teller, *, once: bool) -> None:
    teller.heading(
        "fla-gateway demo",
        Text("Everything is on this machine and thrown away at the end; nothing reaches the social security."),
    )
    teller.excerpt(
        Text("your program -- plain HTTP --> gateway -- TLS and token --> government side"),
        Text("gateway          {url}", url=stage.gateway),
        Text("government side  {url} (a stand-in)", url=stage.sandbox.url),
    )
    teller.say(
        Text(
            "This gateway does not ask who calls: every program on this machine may call it. A configuration of your "
            "own names its callers, gives each a key, and says what it may do (README, `fla-gateway caller new`)."
        )
    )
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        story = Story(stage, Caller(session), teller)
        await story.tell()
    _sum_up(stage, teller)
    if not once:
        _invite(stage, teller, story)
        await asyncio.Event().wait()


def _sum_up(stage: Stage, teller: Teller) -> None:
    if teller.failures:
        number = Plural("One thing did not behave.", "{count} things did not behave.", count=teller.failures)
        teller.heading(number, Text("The gateway's last words:"))
        teller.excerpt(*stage.last_words().splitlines())
        return
    teller.heading(Text("Everything behaved."), Text("The callers of this demo held no secret and saw no trouble."))


def _invite(stage: Stage, teller: Teller, story: Story) -> None:
    teller.heading(Text("Your turn"), Text("It stays up until Ctrl-C. In another terminal:"))
    teller.command(story.declaration().curl())
    teller.command(story.mirror().curl())
    control = f'{stage.sandbox.control_url}/faults -H "Sandbox-Secret: $(cat {stage.sandbox.directory}/control.secret)"'
    teller.say(Text("Break the token server, call again, and mend it (more faults: docs/sandbox.md):"))
    teller.command(f'curl -X PUT {control} -d \'{{"token": "down"}}\'')
    teller.command(f"curl -X DELETE {control}")
    teller.say(
        Text("How the gateway fares, in a browser: {url}/. What it measures, and what it says:", url=stage.admin)
    )
    teller.command(f"curl {stage.admin}/metrics")
    teller.command(f"tail -f {stage.log}")
