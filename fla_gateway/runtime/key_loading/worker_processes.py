"""Adapter: processes that load keys, one for each processor.

Owns forking, the pipes and what goes through them. Refuses to know what a key is for, and in which order keys are
wanted.

OpenSSL's work on keys holds the interpreter's lock, so that threads neither make it faster nor leave the event loop
alone. A worker is a fork: what the kernel was asked for (no core file, no debugger, Landlock) holds for it as well, and
it ends with the process that made it. A key that it has loaded comes back over a socket pair that no other process has.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from fla_gateway.errors import UnusableKeyError
from fla_gateway.keys.model import LoadedKey
from fla_gateway.system.syscalls import prctl

_PR_SET_PDEATHSIG: Final = 1
"""prctl(2), as in linux/prctl.h: the signal that a process gets when its parent has ended."""

Outcome = LoadedKey | UnusableKeyError
"""A key, or why it cannot be used."""
_BROKEN: Final = (EOFError, OSError, pickle.UnpicklingError)


class WorkerLostError(Exception):
    """A worker has ended before it had answered."""


class KeyWorker:
    """A process that loads keys.

    Attributes:
        given: names that it has not answered yet, in its order.
    """

    def __init__(self, load: Callable[[str], Outcome]) -> None:
        """Fork.

        Args:
            load: loads the key of a name; never raises.

        Raises:
            OSError: the system has no further process.
        """
        self.given: deque[str] = deque()
        self._ours, theirs = Pipe()
        with theirs:
            try:
                self._pid = os.fork()
            except OSError:
                self._ours.close()
                raise
            if not self._pid:
                _work(self._ours, theirs, load)

    def fileno(self) -> int:
        """Give the descriptor that becomes readable with each answer."""
        return self._ours.fileno()

    def give(self, name: str) -> None:
        """Have a key loaded; raises WorkerLostError."""
        self.given.append(name)
        try:
            self._ours.send_bytes(name.encode())
        except OSError as error:
            raise WorkerLostError from error

    def take(self) -> tuple[str, Outcome]:
        """Wait for the next answer, and give it with its name; raises WorkerLostError."""
        try:
            outcome: Outcome = pickle.loads(self._ours.recv_bytes())  # noqa: S301 - from a fork of this process
        except _BROKEN as error:
            raise WorkerLostError from error
        return self.given.popleft(), outcome

    def close(self) -> None:
        """End the process, whatever it does."""
        self._ours.close()
        try:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fork_workers(load: Callable[[str], Outcome], number: int) -> tuple[KeyWorker, ...]:
    """Fork workers; call it while the process has one thread.

    Args:
        load: as for `KeyWorker`.
        number: how many.

    Returns:
        As many as the system has room for; none where it cannot fork at all.
    """
    workers: list[KeyWorker] = []
    try:
        for _ in range(number if hasattr(os, "fork") else 0):
            workers.append(KeyWorker(load))  # noqa: PERF401 - those that were made before a failure are kept
    except OSError:
        # A limit of processes (RLIMIT_NPROC, pids.max): what is missing is only time.
        pass
    return tuple(workers)


def _work(ours: Connection[Any, Any], connection: Connection[Any, Any], load: Callable[[str], Outcome]) -> NoReturn:
    """Answer until the other end is closed. Nothing of the process that forked is run or written at the end."""
    try:
        ours.close()
        # Ctrl-C goes to every process of a terminal; this one ends with the gateway and says nothing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Also where it waits for a file that never comes.
        with contextlib.suppress(OSError):
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # A collection would write to every page that is shared with the gateway.
        gc.disable()
        while True:
            name = connection.recv_bytes().decode()
            connection.send_bytes(_packed(load(name)))
    except BaseException:  # noqa: BLE001 - whatever it is, a fork must never run what its parent was to do
        os._exit(0)


def _packed(outcome: Outcome) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(outcome)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Packs keys as well, which the ordinary one refuses: nothing else of this program can send one anywhere."""

    def reducer_override(self, value: object) -> Any:
        """See `pickle.Pickler`."""
        if isinstance(value, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            return _unpacked, (value.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        if isinstance(value, UnusableKeyError):
            return UnusableKeyError, (value.message, value.cure, value.valid_from)
        return NotImplemented


def _unpacked(der: bytes) -> Any:
    # It was validated or proven by the worker.
    return load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
