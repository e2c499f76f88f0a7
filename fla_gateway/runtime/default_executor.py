"""Adapter: the threads for calls that may block, which an event loop does not wait for at its end.

Owns that end alone. Refuses to know what runs there: files, mostly. asyncio would wait for the last of them, without a
limit on Python 3.11 and for five minutes on later ones, although the disk of a dead file server never answers.
"""

from __future__ import annotations

from fla_gateway.system.thread_pool import ThreadPool


class UnwaitedExecutor(ThreadPool):
    """The default executor of an event loop, whose shutdown drops what has not begun and waits for nothing.

    The interpreter would still join its threads at exit; `cli.main` ends the process if one hangs.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as the library has it
        """Begin to shut down; returns at once."""
        super().shutdown(wait=False, cancel_futures=True)
