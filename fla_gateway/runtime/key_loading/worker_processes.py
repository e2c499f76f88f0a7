"""Adapter: processes that load keys, one for each processor.

Owns forking, the sockets and what goes through them. Refuses to know what a key is for, and in which order keys are
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
import socket
from collections import deque
from collections.abc import Callable, Iterable
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
_LENGTH: Final = 4
"""Octets before each name and each answer that say how long it is."""
_PIECE: Final = 16 * 1024
"""Bytes of answers that are read at once, some ten keys: what is made of them holds the event loop up."""
_ROOM: Final = 212_992
"""Bytes that the kernel is asked to keep of answers; it takes twice that for what it notes about them."""


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
        self._received = bytearray()
        self._ours, theirs = socket.socketpair()
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

    def give(self, names: Iterable[str]) -> None:
        """Have keys loaded, in this order; raises WorkerLostError."""
        new = tuple(names)
        self.given.extend(new)
        try:
            self._ours.sendall(b"".join(map(_framed, map(str.encode, new))))
        except OSError as error:
            raise WorkerLostError from error

    def take(self) -> list[tuple[str, Outcome]]:
        """Wait for the next answers, and give those that are whole with their names; raises WorkerLostError."""
        try:
            self._received += _some(self._ours, _PIECE)
            outcomes: list[Outcome] = [pickle.loads(it) for it in _whole(self._received)]  # noqa: S301 - of a fork
        except _BROKEN as error:
            raise WorkerLostError from error
        return [(self.given.popleft(), outcome) for outcome in outcomes]

    def close(self) -> None:
        """End the process, whatever it does; a second time does nothing, for its number may be given to another."""
        self._ours.close()
        pid, self._pid = self._pid, 0
        if not pid:
            return
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
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


def _work(ours: socket.socket, theirs: socket.socket, load: Callable[[str], Outcome]) -> NoReturn:
    """Answer until the other end is closed. Nothing of the process that forked is run or written at the end."""
    try:
        ours.close()
        # Ctrl-C goes to every process of a terminal; this one ends with the gateway and says nothing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Also where it waits for a file that never comes.
        with contextlib.suppress(OSError):
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        # A collection would write to every page that is shared with the gateway.
        gc.disable()
        _answer(theirs, load)
    except BaseException:  # noqa: BLE001, S110 - whatever it is, a fork must never run what its parent was to do
        pass
    os._exit(0)


def _answer(theirs: socket.socket, load: Callable[[str], Outcome]) -> None:
    received = bytearray()
    while True:
        received += _some(theirs, _PIECE)
        for name in _whole(received):
            # At once: the next one may be a file that never comes.
            theirs.sendall(_framed(_packed(load(name.decode()))))


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(_LENGTH, "big") + content


def _whole(received: bytearray) -> list[bytes]:
    """Take what is whole off the front of what was received."""
    found, at = [], 0
    while (start := at + _LENGTH) <= len(received):
        end = start + int.from_bytes(received[at:start], "big")
        if end > len(received):
            break
        found.append(bytes(received[start:end]))
        at = end
    del received[:at]
    return found


def _some(connection: socket.socket, size: int) -> bytes:
    """Wait for bytes; raises EOFError when none come any more."""
    content = connection.recv(size)
    if not content:
        raise EOFError
    return content


def _packed(outcome: Outcome) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(outcome)
    return buffer.getvalue()


_PLAIN: Final[set[type]] = set()
"""Classes of which the ordinary pickler packs what there is."""


class _Pickler(pickle.Pickler):
    """Packs keys as well, which the ordinary one refuses: nothing else of this program can send one anywhere."""

    def reducer_override(self, value: object) -> Any:
        """See `pickle.Pickler`."""
        kind = type(value)
        if kind in _PLAIN:
            return NotImplemented
        if isinstance(value, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            return _unpacked, (value.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        if isinstance(value, UnusableKeyError):
            return UnusableKeyError, (value.message, value.cure, value.valid_from)
        # The library's classes are asked for once: that they are abstract ones makes it slow.
        _PLAIN.add(kind)
        return NotImplemented


def _unpacked(der: bytes) -> Any:
    # It was validated or proven by the worker.
    return load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
