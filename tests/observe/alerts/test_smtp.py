"""Alerts by mail, against a server that really speaks SMTP over TLS."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from fla_gateway.clock import SystemClock
from fla_gateway.config.values.address import TcpAddress
from fla_gateway.i18n.catalogues import ENGLISH
from fla_gateway.network.dialer import Dialer
from fla_gateway.observe.alerts.mail_message import compose
from fla_gateway.observe.alerts.outbox import NotDeliveredError
from fla_gateway.observe.alerts.smtp import MailChannel
from fla_gateway.observe.alerts.smtp_session import MailServer
from fla_gateway.runtime.composition.trust_store import verifying_context
from fla_gateway.secret import Secret
from tests.observe.alerts.samples import GATEWAY, saying, waiting
from tests.support.keys import TlsAuthority
from tests.support.mail_server import HANG_UP, STALL, mail_server
from tests.support.waiting import PATIENCE

PASSWORD = "canary-mail-pässword-Qx19"
FROM = "fla-gateway@company.example"
TO = ("it@company.example", "payroll@company.example")


@pytest.fixture(scope="session")
def trusting(ca_file):
    """Verify as the gateway does."""
    return verifying_context(((ca_file, "alerts.mail.ca_file"),), None)


@pytest.fixture
async def channel(trusting):
    """Make channels to a mail server, with a password unless it is left out."""

    def make(port, *, to=TO, **changes):
        server = MailServer(TcpAddress("localhost", port), "starttls", trusting, "gateway", Secret(PASSWORD))
        write = partial(compose, gateway=GATEWAY, sender=FROM, to=to, spoken=ENGLISH)
        return MailChannel(replace(server, **changes), Dialer(SystemClock().monotonic), FROM, to, write)

    return make


@pytest.fixture
async def server(api_tls):
    """Run a mail server."""
    async with mail_server(api_tls, password=PASSWORD) as found:
        yield found


async def refused(channel, *letters):
    """Send, and return why it was not taken."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(NotDeliveredError) as caught:
            await channel.send(*letters or (waiting(),))
    return caught.value


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("offered", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
async def test_a_mail_is_sent_encrypted_and_authenticated_to_every_recipient(api_tls, channel, implicit, offered):
    """By STARTTLS as with implicit TLS, by both ways to show a password; nothing but the greeting is in clear text."""
    options = {"implicit": implicit, "features": ("STARTTLS", offered), "password": PASSWORD}
    async with mail_server(api_tls, **options) as server:
        sent = await channel(server.port, mode="implicit" if implicit else "starttls").send(waiting())
    (mail,) = server.mails
    assert (mail.sender, mail.recipients, mail.encrypted) == (FROM, list(TO), True)
    assert "The profile employer is not served" in mail.text
    assert (sent.answer, sent.refused) == ("250 2.0.0 OK queued as 4711", 0)
    said = [it.split()[0] for it in server.cleartext.upper().splitlines()]
    assert said == ([] if implicit else [b"EHLO", b"STARTTLS"])


async def test_a_server_without_starttls_gets_nothing(api_tls, channel):
    """Encryption is never left out because it is not offered."""
    async with mail_server(api_tls, features=("AUTH PLAIN",)) as server:
        error = await refused(channel(server.port))
    assert "offers no STARTTLS" in error.message
    assert not error.lasting
    assert server.commands == ["EHLO"]


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_a_server_that_does_not_prove_its_name_gets_nothing(tmp_path, channel, mode):
    """A certificate of an unknown authority ends it before user name and password."""
    unknown = TlsAuthority("another").server_context(tmp_path)
    async with mail_server(unknown, implicit=mode == "implicit") as server:
        error = await refused(channel(server.port, mode=mode))
    assert "The certificate of localhost is not trusted" in error.message
    assert "alerts.mail.ca_file" in error.message
    assert server.commands == ([] if mode == "implicit" else ["EHLO", "STARTTLS"])


async def test_what_a_listener_in_between_adds_before_tls_is_dropped(api_tls, channel):
    """Answers that were sent along with the one to STARTTLS are no answers of the server that TLS proves."""
    async with mail_server(api_tls, answers={"STARTTLS": "220 go\r\n250-evil\r\n250 AUTH PLAIN"}) as server:
        await refused(channel(server.port))
    assert "AUTH" not in server.commands


async def test_a_relay_without_tls_is_used_only_where_that_is_configured(api_tls, channel):
    """And without a password."""
    async with mail_server(api_tls, features=()) as server:
        await channel(server.port, mode="none", tls=None, user="", password=None).send(waiting())
    assert [it.encrypted for it in server.mails] == [False]
    assert "AUTH" not in server.commands


async def test_a_wrong_password_is_said_without_the_servers_words(server, channel):
    """They may repeat it; another day it may be right, so that it is tried again."""
    server.answers["AUTH"] = lambda line: f"535 5.7.8 {line} {PASSWORD}"
    error = await refused(channel(server.port))
    assert "refused user name or password (535 5.7.8)" in error.message
    assert (error.answer, error.lasting) == ("", False)
    assert PASSWORD not in repr(error)


@pytest.mark.parametrize(
    ("command", "answer", "lasting", "words"),
    [
        ("greeting", "421 4.3.2 not now", False, "connect (421 4.3.2)"),
        ("greeting", "554 5.7.1 go away", False, "connect (554 5.7.1)"),
        ("EHLO", "421 no", False, "refused HELO"),
        ("STARTTLS", "454 4.7.0 no TLS", False, "STARTTLS (454 4.7.0)"),
        ("MAIL", "451 4.7.1 later", False, "MAIL FROM (451 4.7.1)"),
        ("MAIL", "550 5.1.8 not from you", True, "MAIL FROM (550 5.1.8)"),
        ("RCPT", "450 4.2.0 greylisted", False, "recipient (450 4.2.0)"),
        ("RCPT", "550 5.1.1 unknown", True, "recipient (550 5.1.1)"),
        ("DATA", "451 4.3.0 no room", False, "DATA (451 4.3.0)"),
        (".", "554 5.6.0 spam", True, "the mail (554 5.6.0)"),
        ("greeting", HANG_UP, False, "ended the connection after connect"),
        ("MAIL", HANG_UP, False, "ended the connection after MAIL FROM"),
        (".", HANG_UP, False, "ended the connection after the mail"),
        ("greeting", "HTTP/1.1 400 Bad Request", False, "speaks no SMTP"),
    ],
)
async def test_a_refusal_is_said_by_its_code_and_tried_again_unless_it_lasts(
    server, channel, command, answer, lasting, words
):
    """4xx passes; 5xx about this mail does not; what refuses the conversation may pass."""
    server.answers["HELO"] = server.answers[command] = answer
    error = await refused(channel(server.port))
    assert words in error.message
    assert error.lasting is lasting
    assert not server.mails


async def test_the_words_of_a_server_are_in_its_answer_alone(server, channel):
    """They may name a person; the message, which is logged, has the code."""
    server.answers["RCPT"] = "550 5.1.1 <jan@company.example> unknown"
    error = await refused(channel(server.port))
    assert "jan@" not in error.message
    assert error.answer == "550 5.1.1 <jan@company.example> unknown"


async def test_an_answer_that_repeats_the_password_is_not_quoted(server, channel):
    """Not even to the person at the terminal, in whatever form it was sent."""
    server.answers["."] = lambda _: f"554 5.6.0 {server.lines[-5]} {PASSWORD}"
    error = await refused(channel(server.port))
    assert error.answer == "554"


async def test_a_recipient_that_is_refused_costs_the_others_nothing(server, channel):
    """One of them never takes it: it is counted, and the mail has arrived."""
    server.answers["RCPT"] = lambda line: "550 5.1.1 unknown" if "payroll" in line else None
    sent = await channel(server.port).send(waiting())
    assert (sent.refused, server.mails[0].recipients) == (1, ["it@company.example"])


async def test_a_greylisted_recipient_alone_is_tried_again(server, channel):
    """Who has the mail does not get it twice."""
    letter = waiting()
    server.answers["RCPT"] = lambda line: "450 4.2.0 greylisted" if "payroll" in line else None
    assert not (await refused(channel(server.port), letter)).lasting
    server.answers.clear()
    await channel(server.port).send(letter)
    assert [it.recipients for it in server.mails] == [["it@company.example"], ["payroll@company.example"]]
    assert server.mails[0].message["Message-ID"] == server.mails[1].message["Message-ID"]


@pytest.mark.parametrize("command", ["greeting", "EHLO", "."])
async def test_a_server_that_stalls_is_left(server, channel, command):
    """After a limited time for each answer; the connection is closed."""
    server.answers[command] = STALL
    error = await refused(channel(server.port, step_seconds=0.05))
    assert "did not answer within 0.05 s" in error.message
    async with asyncio.timeout(PATIENCE):
        await server.left.wait()


async def test_a_server_that_stalls_at_the_end_has_the_mail(server, channel):
    """It is not sent twice for want of a farewell."""
    server.answers["QUIT"] = STALL
    assert (await channel(server.port, step_seconds=0.2).send(waiting())).answer.startswith("250")
    assert len(server.mails) == 1


async def test_a_server_that_takes_too_long_in_all_is_cut_off(server, channel):
    """Whatever the thread waits for: its connection is shut, so that it ends."""
    server.answers["MAIL"] = STALL
    error = await refused(channel(server.port, all_seconds=0.2))
    assert "more than 0.2 s in all" in error.message
    async with asyncio.timeout(PATIENCE):
        await server.left.wait()


async def test_a_handshake_that_stalls_is_left(api_tls, channel):
    """A server that goes ahead with TLS and says nothing more."""
    async with mail_server(api_tls, answers={"greeting": STALL}) as server:
        error = await refused(channel(server.port, mode="implicit", step_seconds=0.05))
    assert "did not answer within 0.05 s" in error.message


async def test_nothing_that_listens_is_said(channel, unused_tcp_port):
    """With the address, and the key of the configuration."""
    error = await refused(channel(unused_tcp_port))
    assert f"No connection to localhost:{unused_tcp_port}" in error.message
    assert "alerts.mail.server" in error.message


async def test_a_sender_that_gives_up_cuts_the_connection(server, channel):
    """The end of the process cancels what is under way, and waits for no mail server."""
    server.answers["MAIL"] = STALL
    sending = asyncio.get_running_loop().create_task(channel(server.port).send(waiting()))
    async with asyncio.timeout(PATIENCE):
        await server.began.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.left.wait()


@pytest.mark.parametrize("answer", ["250-" + "x" * 9000 + "\r\n250 x", "250-x\r\n" * 20_000 + "250 x"])
async def test_answers_are_bounded(server, channel, answer):
    """A line without an end, or lines without an end, cost no memory."""
    server.answers["EHLO"] = server.answers["HELO"] = answer
    assert not (await refused(channel(server.port))).lasting
    assert not server.mails


async def test_a_line_that_begins_with_a_period_arrives_whole(server, channel):
    """A single period would end the mail (RFC 5321, section 4.5.2)."""
    await channel(server.port).send(waiting(saying(".hidden"), saying(".")))
    assert server.mails[0].text.startswith(".hidden\n")
    assert "\n.\n" in server.mails[0].text
