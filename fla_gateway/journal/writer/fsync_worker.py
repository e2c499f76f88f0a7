"""Adapter: what was written reaches the disk, in a thread.

Owns the one fsync that runs, and who waits for which. Refuses to know lines. Never on the event loop's thread: an
fsync takes as long as the disk likes.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

_LOG = structlog.get_logger()

Wanted = Callable[[], tuple[list[int], list[int]]]
"""Gives the descriptors to be synced, and those among them to be closed afterwards."""
Sync = Callable[[list[int], list[int]], None]
"""Brings these descriptors to the disk and closes those, in the thread; raises OSError if at least one failed."""


class FsyncWorker:
    """Brings files to the disk, one fsync at a time; all who ask while one runs share the next.

    Args:
        wanted: see `Wanted`; called on the loop's thread when an fsync begins.
        loop: the running event loop.
        thread: where the fsyncs run, one after the other.
        done: called on the loop's thread after each, with its error or None.
        sync: what is called in the thread.
    """

    def __init__(
        self,
        wanted: Wanted,
        loop: asyncio.AbstractEventLoop,
        thread: ThreadPoolExecutor,
        done: Callable[[OSError | None], None],
        sync: Sync,
    ) -> None:
        self._wanted = wanted
        self._loop = loop
        self._executor = thread
        self._done = done
        self._sync = sync
        self._running = False
        self._finished = False
        self._next: asyncio.Future[OSError | None] | None = None

    def begin(self) -> asyncio.Future[OSError | None]:
        """Begin an fsync, if one runs the next after it; the future holds its error or None."""
        if self._next is None:
            self._next = self._loop.create_future()
            if not self._running:
                # With the next turn, so that all who ask in this one share it.
                self._running = True
                self._loop.call_soon(self._start)
        return self._next

    def finish(self) -> OSError | None:
        """Wait for what runs and make a last fsync; blocks. No other begins afterwards."""
        self._finished = True
        error = self._last()
        waiting, self._next = self._next, None
        if waiting is not None and not waiting.done():
            waiting.set_result(error)
        return error

    def _last(self) -> OSError | None:
        try:
            self._executor.submit(self._sync, *self._wanted()).result()
        except OSError as error:
            return error
        return None

    def _start(self) -> None:
        if self._finished:
            # It was asked for in the turn of the end, and is done.
            return
        waiting, self._next = self._next, None
        running = self._loop.run_in_executor(self._executor, self._sync, *self._wanted())
        running.add_done_callback(partial(self._end, waiting))

    def _end(self, waiting: asyncio.Future[OSError | None] | None, running: asyncio.Future[None]) -> None:
        error = _failure(running)
        waiters = [waiting]
        if error is not None:
            # Who asked in the meantime wrote to the same file: what is lost of it the next fsync would not say.
            waiters.append(self._next)
            self._next = None
        self._running = self._next is not None
        if self._running:
            self._loop.call_soon(self._start)
        try:
            if not self._finished:
                self._done(error)
        finally:
            # Callers wait behind these, and must not for the sake of a fault of ours.
            for future in waiters:
                if future is not None and not future.done():
                    future.set_result(error)


def _failure(running: asyncio.Future[None]) -> OSError | None:
    """Give the error that an fsync ended with; what is no error of the disk counts as one, since nothing is proven."""
    error = running.exception()
    if error is None or isinstance(error, OSError):
        return error
    _LOG.error("journal-fault", error=type(error).__name__, exc_info=error)
    return OSError(errno.EIO, os.strerror(errno.EIO))


def sync_files(descriptors: list[int], afterwards: list[int]) -> None:
    """Sync each, and close some.

    Raises:
        OSError: at least one could not be synced: what was written to it may never reach the disk, and another try
            would not report it (the kernel reports such an error once).
    """
    failure: OSError | None = None
    for descriptor in descriptors:
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a directory on a file system that syncs none (fsync(2))
                failure = failure or error
    for descriptor in afterwards:
        os.close(descriptor)
    if failure is not None:
        raise failure
