"""Adapter: a letter on its way to a mail server, in a thread.

Owns the connection and the thread with its limit. Refuses to know SMTP (`smtp_session`).

The thread is a daemon, so that the end of the process does not wait for it; its connection is cut when nothing waits
for it any more.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from fla_gateway.i18n.message import Text
from fla_gateway.network.connection_errors import NoConnectionError
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.alerts.alert import Letter
from fla_gateway.observe.alerts.outbox import Delivered, NotDeliveredError, Waiting
from fla_gateway.observe.alerts.smtp_session import MailServer, Result, Session

CONNECT_SECONDS: Final = 10.0


class MailChannel:
    """Sends letters as mails."""

    name = "mail"

    def __init__(
        self,
        server: MailServer,
        dialer: Dialer,
        sender: str,
        to: Sequence[str],
        compose: Callable[[Letter], bytes],
    ) -> None:
        """Take what is needed; nothing is opened.

        Args:
            server: takes the mails.
            dialer: opens connections.
            sender: address that they come from.
            to: addresses of those who get them.
            compose: writes the mail.
        """
        self.server = server
        self._dialer = dialer
        self._sender = sender
        self._to = tuple(dict.fromkeys(to))
        self._compose = compose

    @property
    def place(self) -> str:
        """See `outbox.Channel`."""
        return str(self.server.address)

    async def send(self, waiting: Waiting) -> Delivered:
        """See `outbox.Channel`."""
        message = self._compose(waiting.letter)
        to = [it for it in self._to if it not in waiting.done]
        try:
            sock = await self._dialer.connect(self.server.route, CONNECT_SECONDS)
        except NoConnectionError as error:
            raise NotDeliveredError(error.message) from None
        found = await _in_a_thread(
            sock, lambda: Session(sock, self.server).deliver(self._sender, to, message), self.server.all_seconds
        )
        waiting.done |= found.done
        if found.later:
            raise NotDeliveredError(found.why, answer=found.answer)
        if not found.taken:
            raise NotDeliveredError(found.why, answer=found.answer, lasting=True)
        return Delivered(found.answer, len(to) - found.taken)


async def _in_a_thread(sock: socket.socket, work: Callable[[], Result], all_seconds: float) -> Result:
    """Do what blocks in a daemon thread, for a limited time; then the connection is cut.

    Raises:
        NotDeliveredError: as `Session.deliver`, or there was no time, thread or descriptor left.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result | Exception] = loop.create_future()

    def pass_on(found: Result | Exception) -> None:
        if not done.done():
            done.set_result(found)

    def run() -> None:
        try:
            found: Result | Exception = work()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            found = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(pass_on, found)

    try:
        # TLS takes the descriptor of the first one over.
        line = sock.dup()
    except OSError:
        sock.close()
        raise NotDeliveredError(Text("The system gives no descriptor for the mail.")) from None
    try:
        threading.Thread(target=run, name="alert-mail", daemon=True).start()
        async with asyncio.timeout(all_seconds):
            found = await done
    except RuntimeError:
        sock.close()
        raise NotDeliveredError(Text("The system gives no thread for the mail.")) from None
    except TimeoutError:
        seconds = f"{all_seconds:g}"
        raise NotDeliveredError(Text("The mail server took more than {seconds} s in all.", seconds=seconds)) from None
    finally:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        line.close()
    if isinstance(found, Exception):
        raise found
    return found
