"""Adapter: one conversation with a mail server, by the standard library's SMTP; it blocks.

Owns encryption, authentication, the bounds of what is read, and the reading of refusals. Refuses to speak to a server
that does not prove its name, and to let a word that it says into a message that is logged: an answer may repeat
addresses, or what it was sent.
"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Literal

from fla_gateway.config.values.address import TcpAddress, is_host_name
from fla_gateway.i18n.message import NOTHING, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.connection_errors import Stage, explain
from fla_gateway.network.route import Destination, Route
from fla_gateway.observe.alerts.outbox import NotDeliveredError
from fla_gateway.secret import Secret

STEP_SECONDS: Final = 30.0
"""For each answer: a server may look a sender up before it speaks (RFC 5321, section 4.5.3.2, allows minutes)."""
ALL_SECONDS: Final = 90.0
FAREWELL_SECONDS: Final = 2.0
"""For the answer to QUIT: the mail is taken by then."""
MOST_BYTES: Final = 65_536
"""Of all answers of a conversation: the library keeps every line of one, however many there are."""
_LONGEST_ANSWER: Final = 200
_READY, _GO_AHEAD, _AUTHENTICATED = 220, 354, 235
_CONTINUE: Final = 334
_OK: Final = (250, 251)
_LASTING: Final = range(500, 600)


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server, and how it is spoken to.

    Attributes:
        address: host and port.
        mode: how encryption begins; ``none`` for a relay without.
        tls: verifies it; None only for ``none``.
        user: for authentication; empty without.
        password: goes with it.
        step_seconds: for each answer.
        all_seconds: for everything after the connection.
    """

    address: TcpAddress
    mode: Literal["starttls", "implicit", "none"]
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: Secret | None = None
    step_seconds: float = STEP_SECONDS
    all_seconds: float = ALL_SECONDS

    @property
    def route(self) -> Route:
        """Where a connection leads: no proxy, which would open no way to a port of mail."""
        return Route(
            Destination(
                self.address.host, self.address.port, Text("mail server"), "alerts.mail.server",
                Text("{place}", place="alerts.mail.ca_file"), Text("Check alerts.mail.server."),
            )
        )  # fmt: skip


@dataclass(slots=True)
class Result:
    """What became of a mail.

    Attributes:
        taken: number of recipients that it was taken for.
        done: recipients with which nothing is left to do.
        later: whether the server refused some for now.
        answer: what it said.
        why: why it refused some.
    """

    taken: int
    done: set[str]
    later: bool
    answer: Text
    why: Text = NOTHING


class Session:
    """One conversation with a mail server; in a thread. The mutable state is which command was sent last."""

    def __init__(self, sock: socket.socket, server: MailServer) -> None:
        self._sock = sock
        self._server = server
        self._line = sock
        self._command = "connect"
        self._smtp = smtplib.SMTP(local_hostname=_own_name(sock), timeout=server.step_seconds)

    def deliver(self, sender: str, to: Sequence[str], message: bytes) -> Result:
        """Send one mail.

        Args:
            sender: address for MAIL FROM.
            to: addresses for RCPT TO.
            message: header and body.

        Raises:
            NotDeliveredError: it was taken for no recipient.
        """
        try:
            self._open()
            return self._send(sender, to, message)
        except smtplib.SMTPServerDisconnected as error:
            # Also what a time-out within an answer becomes.
            if isinstance(error.__context__, TimeoutError):
                raise self._late() from None
            raise NotDeliveredError(
                Text("The mail server ended the connection after {command}.", command=self._command)
            ) from None
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            raise NotDeliveredError(
                explain(error, Stage.TLS, self._server.route, self._server.step_seconds).message
            ) from None
        finally:
            self._smtp.close()
            self._sock.close()

    def _open(self) -> None:
        self._sock.settimeout(self._server.step_seconds)
        smtp = self._smtp
        self._speak_over(self._encrypted(self._sock) if self._server.mode == "implicit" else self._sock)
        self._expect(smtp.getreply(), (_READY,))
        self._greet()
        if self._server.mode == "starttls":
            if not smtp.has_extn("starttls"):
                raise NotDeliveredError(
                    Text("The mail server offers no STARTTLS at this port; nothing is sent without encryption.")
                )
            self._expect(self._ask("STARTTLS"), (_READY,))
            # RFC 3207, section 4.2: "The client MUST discard any knowledge obtained from the server" before.
            self._speak_over(self._encrypted(self._sock))
            smtp.helo_resp = smtp.ehlo_resp = None
            smtp.esmtp_features.clear()
            smtp.does_esmtp = False
            self._greet()
        if self._server.password is not None:
            self._authenticate(self._server.user, self._server.password)

    def _speak_over(self, sock: socket.socket) -> None:
        self._line = self._smtp.sock = sock
        self._smtp.file = _Bounded(sock)

    def _encrypted(self, sock: socket.socket) -> ssl.SSLSocket:
        assert self._server.tls is not None  # noqa: S101 - for the type: composition gives one for each mode but none
        return self._server.tls.wrap_socket(sock, server_hostname=self._server.address.host)

    def _greet(self) -> None:
        self._command = "EHLO"
        code, answer = self._smtp.ehlo()
        if code not in _OK:
            self._command = "HELO"
            code, answer = self._smtp.helo()
        self._expect((code, answer), _OK)

    def _authenticate(self, user: str, password: Secret) -> None:
        """Prove who sends; the two ways that every server has, over TLS alone."""
        offered = self._smtp.esmtp_features.get("auth", "").upper().split()
        self._command = "AUTH"
        if "PLAIN" in offered:
            reply = self._smtp.docmd("AUTH", f"PLAIN {_plain(user, password)}")
        elif "LOGIN" in offered:
            reply = self._smtp.docmd("AUTH", f"LOGIN {_base64(user)}")
            if reply[0] == _CONTINUE:
                reply = self._smtp.docmd(_base64(password.reveal()))
        else:
            raise NotDeliveredError(Text("The mail server offers neither PLAIN nor LOGIN for the password."))
        if reply[0] != _AUTHENTICATED:
            # Its text is not kept: it may repeat what it was sent.
            raise NotDeliveredError(
                Text(
                    "The mail server refused user name or password ({code}). Check alerts.mail.user and password_file.",
                    code=_shown_code(*reply),
                )
            )

    def _send(self, sender: str, to: Sequence[str], message: bytes) -> Result:
        smtp = self._smtp
        self._command = "MAIL FROM"
        self._expect(smtp.mail(sender), _OK)
        taken: list[str] = []
        refused: dict[str, tuple[int, bytes]] = {}
        for address in to:
            self._command = "RCPT TO"
            reply = smtp.rcpt(address)
            if reply[0] in _OK:
                taken.append(address)
            else:
                refused[address] = reply
        answer, why = NOTHING, NOTHING
        if taken:
            self._expect(self._ask("DATA"), (_GO_AHEAD,))
            self._command = "the mail"
            answer = self._quoted(*self._expect(self._data(message), _OK))
        if refused:
            last = [*refused.values()][-1]
            why = Text("The mail server refused a recipient ({code}).", code=_shown_code(*last))
            answer = answer or self._quoted(*last)
        with suppress(OSError, smtplib.SMTPException):
            self._line.settimeout(min(FAREWELL_SECONDS, self._server.step_seconds))
            smtp.quit()
        forever = {it for it, (code, _) in refused.items() if code in _LASTING}
        return Result(len(taken), {*taken, *forever}, len(forever) < len(refused), answer, why)

    def _ask(self, command: str) -> tuple[int, bytes]:
        self._command = command
        return self._smtp.docmd(command)

    def _data(self, message: bytes) -> tuple[int, bytes]:
        # RFC 5321, section 4.5.2: a line that begins with a period gets another one.
        stuffed = b"\r\n".join(b"." + it if it.startswith(b".") else it for it in message.split(b"\r\n"))
        self._smtp.send(stuffed.removesuffix(b"\r\n") + b"\r\n.\r\n")
        return self._smtp.getreply()

    def _expect(self, reply: tuple[int, bytes], good: Sequence[int]) -> tuple[int, bytes]:
        if reply[0] in good:
            return reply
        if reply[0] < 0:
            raise NotDeliveredError(Text("What answers at the port of the mail server speaks no SMTP."))
        message = Text("The mail server refused {command} ({code}).", command=self._command, code=_shown_code(*reply))
        # Before the first recipient is named, what is refused is the conversation, which another day may end otherwise.
        lasting = reply[0] in _LASTING and self._command in {"MAIL FROM", "DATA", "the mail"}
        raise NotDeliveredError(message, answer=self._quoted(*reply), lasting=lasting)

    def _quoted(self, code: int, answer: bytes) -> Text:
        """Quote an answer for a person at a terminal, unless it repeats the password."""
        text = " ".join(answer.decode("utf-8", "replace").split())
        password = self._server.password
        if password is not None:
            plain = password.reveal()
            if any(it in text for it in (plain, _base64(plain), _plain(self._server.user, password)) if it):
                return Text("{code}", code=code)
        return Text("{code} {text}", code=code, text=text[:_LONGEST_ANSWER])

    def _late(self) -> NotDeliveredError:
        return NotDeliveredError(
            Text(
                "The mail server did not answer within {seconds} s after {command}.",
                seconds=f"{self._server.step_seconds:g}",
                command=self._command,
            )
        )


class _Bounded:
    """The lines that a server sends, up to a number of bytes; has what smtplib asks of a file."""

    def __init__(self, sock: socket.socket) -> None:
        self._file = sock.makefile("rb")
        self._left = MOST_BYTES

    def readline(self, most: int) -> bytes:
        """Read a line; raises OSError where there were too many."""
        line = self._file.readline(min(most, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the answers are too long")
        return line

    def close(self) -> None:
        """Close the file; the socket stays."""
        self._file.close()


def _plain(user: str, password: Secret) -> str:
    """Write what AUTH PLAIN sends (RFC 4616, section 2)."""
    return _base64(f"\0{user}\0{password.reveal()}")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _shown_code(code: int, answer: bytes) -> str:
    """Give the code with the enhanced one (RFC 3463), which says what was wrong without a word of the server's."""
    first = answer.split(maxsplit=1)[0].decode("ascii", "replace") if answer.strip() else ""
    parts = first.split(".")
    enhanced = len(parts) == 3 and all(it.isascii() and it.isdigit() and len(it) <= 3 for it in parts)  # noqa: PLR2004 - RFC 3463, section 2
    return f"{code} {first}" if enhanced else str(code)


def _own_name(sock: socket.socket) -> str:
    """Say who greets (RFC 5321, section 4.1.4): the host's full name, else its address. No name server is asked."""
    name = socket.gethostname().lower()
    if "." in name and is_host_name(name):
        return name
    address = str(sock.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
