"""Adapter: threads for calls that may block, one of which is there from the start.

Owns what happens where the system gives no further thread (a limit of processes or of memory): what is handed over
waits for one that is there. Refuses to know what runs there.

The library's pool begins its threads when they are needed, and raises where that fails, after it has queued the call:
the caller believes that nothing happens, and the call is made all the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fla_gateway.errors import NoThreadError
from fla_gateway.system.needed_thread import NONE_LEFT


class ThreadPool(ThreadPoolExecutor):
    """A pool that takes every call until its shutdown, on as many threads as it can have.

    Raises:
        NoThreadError: from the constructor; the system gives not one thread.
    """

    def __init__(self, most: int | None = None, prefix: str = "") -> None:
        """Start the first thread.

        Args:
            most: threads at most; by default what the library takes.
            prefix: of the threads' names.
        """
        super().__init__(most, thread_name_prefix=prefix)
        try:
            self.submit(_nothing)
        except RuntimeError:
            self.shutdown(wait=False)
            raise NoThreadError(NONE_LEFT) from None

    def _adjust_thread_count(self) -> None:
        """Begin a thread if none is idle, or leave the call to those that there are."""
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise


def _nothing() -> None:
    return
