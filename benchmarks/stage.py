"""Port: sets up a run and takes it down again: material, the API, the token endpoint, and single proxies.

Owns the order of it and the check that a proxy does the work rightly before it is measured. Refuses to measure.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import peers, processes, programs
from benchmarks.load import Address, Caller, LoadError
from benchmarks.material import write_material
from benchmarks.peers import Peer
from benchmarks.work import (
    BEARER_LENGTH,
    BULK_BYTES,
    DECLARATIONS,
    DOWNLOAD,
    ITEMS,
    POST_BYTES,
    UPLOAD,
    Work,
    answer,
    free_ports,
)

START_SECONDS: Final = 20.0


class StageError(Exception):
    """The work cannot be done: a program did not start, or did not do what it must."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running proxy.

    Attributes:
        peer: what it is.
        pid: of the root of its process tree.
        seconds: from its start to the first forwarded 200.
    """

    peer: Peer
    pid: int
    seconds: float


@contextlib.contextmanager
def workplace(store: Path) -> Iterator[Work]:
    """Make a directory with fresh material, and delete it at the end."""
    store.mkdir(exist_ok=True)
    run = Path(tempfile.mkdtemp(prefix="run-", dir=store))
    try:
        names = [*peers.NAMES, *(f"{name}-admin" for name in peers.OURS)]
        upstream, token, *ports = free_ports(len(names) + 2)
        bearer = secrets.token_urlsafe(BEARER_LENGTH * 3 // 4)
        (run / "bearer").write_text(bearer)
        write_material(run)
        yield Work(run, bearer, upstream, token, dict(zip(names, ports, strict=True)))
    finally:
        shutil.rmtree(run, ignore_errors=True)


@contextlib.contextmanager
def government(work: Work, core: int) -> Iterator[Address]:
    """Run the API and the token endpoint; gives the API's own address, for direct calls."""
    configuration = work.render("upstream.conf")
    nginx = [str(programs.installed("nginx")), "-e", str(work.run / "upstream.error.log"), "-c", str(configuration)]
    token = [sys.executable, str(Path(__file__).with_name("token_server.py")), str(work.token_port), str(work.run)]
    direct = Address(work.upstream_port, trust=work.run / "ca.pem", bearer=work.bearer)
    with (
        processes.running(nginx, core, work.run / "upstream.log") as api,
        processes.running(token, core, work.run / "token.log") as endpoint,
    ):
        _await_answer(direct, api, work.run / "upstream.log")
        _await_port(work.token_port, endpoint, work.run / "token.log")
        stranger = Address(work.upstream_port, trust=work.run / "ca.pem")
        if (status := _call(stranger, "GET", ITEMS)[0]) != 401:
            raise StageError(f"the API answers {status} to a wrong bearer")
        yield direct


@contextlib.contextmanager
def proxy(peer: Peer, work: Work, core: int) -> Iterator[Started]:
    """Run one proxy on its core until the block ends.

    Raises:
        StageError: no forwarded 200 within `START_SECONDS`.
    """
    log = work.run / f"{peer.name}.log"
    begin = time.perf_counter()
    with processes.running(peer.command, core, log, peer.environment) as process:
        _await_answer(peer.address, process, log)
        yield Started(peer, process.pid, time.perf_counter() - begin)


def check(started: Started) -> None:
    """Make sure that a proxy does all four kinds of work rightly.

    Raises:
        StageError: an answer that is not the API's.
    """
    large = bytes(BULK_BYTES)
    received = f'{{"received": {BULK_BYTES}}}'.encode()
    for method, path, body, expected, length in (
        ("GET", ITEMS, b"", answer(), len(answer())),
        ("POST", DECLARATIONS, b"x" * POST_BYTES, answer(), len(answer())),
        ("POST", UPLOAD, large, received, len(received)),
        ("GET", DOWNLOAD, b"", None, BULK_BYTES),
    ):
        status, content, size = _call(started.peer.address, method, path, body)
        if status != 200 or size != length or expected not in (None, content):
            shown = content[:400].decode("utf-8", "replace")
            raise StageError(f"{started.peer.name}: {method} {path} was answered with {status}, {size} bytes: {shown}")


def describe(peer: Peer) -> str:
    """Say what a proxy answers at this moment, for whoever looks for the reason of errors."""
    status, content, _ = _call(peer.address, "GET", ITEMS)
    return f"{status} {content[:400].decode('utf-8', 'replace')}"


def _call(address: Address, method: str, path: str, body: bytes = b"") -> tuple[int, bytes, int]:
    try:
        with Caller(address) as caller:
            got = caller.exchange(address.head(method, path, len(body)), body)
    except (OSError, LoadError) as error:
        return 0, str(error).encode(), 0
    return got.status, got.body, got.length


def _await_answer(address: Address, process: subprocess.Popen[bytes], log: Path) -> None:
    said = "nothing listened"
    for _ in processes.wait_until(START_SECONDS):
        if process.poll() is not None:
            break
        status, content, _size = _call(address, "GET", ITEMS)
        if status == 200:
            return
        said = f"{status} {content[:400].decode('utf-8', 'replace')}"
    raise StageError(f"{log.stem} gave no forwarded 200; at last: {said}\n{_end_of(log)}")


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in processes.wait_until(START_SECONDS):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
    raise StageError(f"{log.stem} does not listen\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:])
