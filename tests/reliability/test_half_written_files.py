"""Files that are read while they are written: what serves is one whole generation, the one of before or a later one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fla_gateway.clock import SystemClock
from fla_gateway.errors import ReloadRefusedError
from tests.reliability.conftest import SHOWN
from tests.support.keys import (
    certificate_pem,
    key_pem,
    make_certificate,
    make_ec,
    make_rsa,
    pkcs12_bytes,
    write_private,
)
from tests.support.raw_http import get
from tests.support.reloading import reloading, settle
from tests.support.volumes import Volume

STEP = 64
"""Bytes between two places at which a file is cut."""
CALL = get("/employer/REST/x", SHOWN)


class InterruptingClock:
    """Does something once, when a reload asks for the time: which it does after each file that it has read."""

    def __init__(self) -> None:
        self._host = SystemClock()
        self.monotonic = self._host.monotonic
        self._act: Callable[[], object] | None = None
        self._left = 0

    def interrupt(self, number: int, act: Callable[[], object]) -> None:
        """Do something after so many further files."""
        self._left, self._act = number, act

    def wall(self) -> float:
        if self._act is not None and threading.current_thread() is not threading.main_thread():
            self._left -= 1
            if self._left == 0:
                act, self._act = self._act, None
                act()
        return self._host.wall()


def cuts(content):
    """Give the places at which a file is cut."""
    return range(0, len(content), STEP)


async def serves(running):
    """Return whether the caller of the first generation is served, and no unknown one."""
    answers = [await running.call(call) for call in (CALL, get("/employer/REST/x"))]
    return [answer.status for answer in answers] == [200, 401]


async def test_a_configuration_that_is_being_written_is_applied_whole(start):
    """The reader has read a part that ends at any 64th byte when the writer goes on: it reads all of it again."""
    clock = InterruptingClock()
    running = await start(clock)
    whole = running.path.read_text(encoding="utf-8").replace('["127.0.0.1:0"]', '["127.0.0.1:0"]\ndrain_seconds = 3')
    in_force = running.reloader.in_force

    def write_all():
        running.path.write_text(whole, encoding="utf-8")
        settle(running.path)

    for size in cuts(whole):
        running.path.write_text(whole[:size], encoding="utf-8")
        settle(running.path)
        clock.interrupt(1, write_all)
        assert (await running.reload(cause="signal")).applied
        settings = running.reloader.in_force.settings.configuration
        assert settings.gateway.drain_seconds == 3
        assert settings.callers == in_force.settings.configuration.callers
    assert await serves(running)


async def test_half_a_pkcs12_file_is_never_used(start, tmp_path):
    """Cut at every 64th byte: the profile keeps the key that it had."""
    running = await start()
    running.rewrite('{ pem = "acme.pem", certificate = "acme.cer" }', '{ pkcs12 = "acme.p12" }')
    key = make_rsa(2048, "another")
    whole = pkcs12_bytes(key, make_certificate(key))
    for size in cuts(whole):
        write_private(tmp_path / "acme.p12", whole[:size])
        settle(tmp_path / "acme.p12")
        settle(running.path)
        assert (await running.reload()).applied
        assert list(running.gateway.current.former_keys) == ["employer"], size
    assert (await running.call(CALL)).status == 200


async def test_half_a_file_of_roots_is_never_trusted(start, tmp_path):
    """It refuses the reload, as it would have refused the start."""
    running = await start()
    whole = (tmp_path / "roots.pem").read_bytes()
    for size in cuts(whole)[::3]:
        (tmp_path / "roots.pem").write_bytes(whole[:size])
        settle(tmp_path / "roots.pem")
        with pytest.raises(ReloadRefusedError):
            await running.reload()
    assert running.reloader.state.generation == 1
    assert (await running.call(CALL)).status == 200


def generation(text, number):
    """Give the files of a volume; each says which generation it is of."""
    key = make_ec()
    included = f"[callers.caller-{number}]\nuid = {number}\nallow.employer = ['GET /REST/**']\n"
    return {
        "gateway.toml": f'include = ["more.toml"]\n{text(gateway=f"drain_seconds = {number}")}'.encode(),
        "more.toml": included.encode(),
        "acme.pem": key_pem(key),
        "acme.cer": certificate_pem(make_certificate(key)),
    }


@pytest.mark.parametrize("moment", range(1, 8))
async def test_files_of_two_generations_of_a_volume_are_never_mixed(text, tmp_path, moment):
    """The volume is swapped after each of its files: all that is applied is of the later generation."""
    generations = [generation(text, number) for number in (1, 2, 3)]
    volume = Volume(tmp_path / "volume", generations[0])
    (tmp_path / "volume" / "roots.pem").write_bytes((tmp_path / "roots.pem").read_bytes())
    clock = InterruptingClock()
    async with reloading(volume.path / "gateway.toml", clock) as running:
        volume.swap(generations[1])
        clock.interrupt(moment, lambda: volume.swap(generations[2]))
        assert (await running.reload(cause="watch")).applied
        in_force = running.reloader.in_force
        configuration = in_force.settings.configuration
        assert (configuration.gateway.drain_seconds, sorted(configuration.callers)) == (3, ["caller-3", "payroll"])
        assert in_force.files.read(volume.path / "acme.pem") == generations[2]["acme.pem"]
        assert in_force.files.read(volume.path / "acme.cer") == generations[2]["acme.cer"]
        assert running.gateway.current.former_keys == {}
        assert (await running.call(CALL)).status == 200
