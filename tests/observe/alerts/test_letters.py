"""Letters as mails and as JSON."""

from __future__ import annotations

import json
import os
import time
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Text
from fla_gateway.observe.alerts.alert import GatewayName
from fla_gateway.observe.alerts.mail_message import compose
from fla_gateway.observe.alerts.webhook_document import write
from tests.observe.alerts.samples import GATEWAY, NOT_SERVED, letter, saying

FROM, TO = "fla-gateway@company.example", ["it@company.example", "payroll@company.example"]


def mail(of, gateway=GATEWAY, spoken=ENGLISH):
    """Write a mail and read it again."""
    return message_from_bytes(compose(of, gateway, FROM, TO, spoken), policy=default)


@pytest.fixture
def in_brussels():
    """Put the host's clock into a zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Brussels"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def test_a_mail_says_all_that_a_person_needs(in_brussels):
    """Which gateway, which profile, what, since when by both clocks, and the one command."""
    message = mail(letter())
    assert message.get_content().replace("\r\n", "\n") == (
        "The profile employer is not served: its key cannot be used.\n\n"
        "Gateway: payroll-gateway (gw1.company.example)\n"
        "Profile: employer\n"
        "Since: 2026-09-21 16:12:20 +0200 (2026-09-21T14:12:20Z)\n"
        "Code: profile-not-served\n"
        "What to do: fla-gateway doctor employer\n"
        "It says what is wrong with the key, and what to do.\n\n\n"
        "-- \nWritten by fla-gateway 0.0, which reads no answer.\n"
    )


def test_the_fields_of_a_mail_let_it_be_sorted_and_not_be_answered():
    """Subject by gateway, state, code and profile; Auto-Submitted as RFC 3834 has it; one id for every attempt."""
    message = mail(letter())
    assert {name: str(value) for name, value in message.items()} == {
        "From": FROM,
        "To": "it@company.example, payroll@company.example",
        "Subject": "[fla-gateway] payroll-gateway ALERT profile-not-served employer",
        "Date": "Mon, 21 Sep 2026 14:13:20 +0000",
        "Message-ID": "<0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f@company.example>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "en",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }


def test_several_alerts_are_one_mail():
    """Its subject has their number and codes; of too many, the number of the others is said."""
    message = mail(letter(NOT_SERVED, NOT_SERVED._replace(code="api-failing"), unlisted=3))
    assert message["Subject"] == "[fla-gateway] payroll-gateway ALERT 5 profile-not-served, api-failing"
    assert message.get_content().count("Code: ") == 2
    assert "3 more are on the status page and in the log." in message.get_content()


def test_a_recovery_says_since_when_it_held_and_names_no_command():
    """Its subject is OK."""
    message = mail(letter(state="recovered"))
    assert message["Subject"] == "[fla-gateway] payroll-gateway OK profile-not-served employer"
    assert "The profile employer is served again." in message.get_content()
    assert "Over since: " in message.get_content()
    assert "What to do" not in message.get_content()


def test_a_mail_is_in_ascii_and_short_lines_whatever_it_says():
    """Every mail server takes it (RFC 5321, section 4.5.3.1.6: lines of 1000 octets)."""
    raw = compose(letter(saying("Zürich ✓ " * 400)), GatewayName("Bürö-Gâteway", "h", "0"), FROM, TO, ENGLISH)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_text_becomes_a_field_or_a_line(name, profile, what):
    """Whatever a name or a text holds: fields and lines are as many as ever."""
    condition = saying(what)._replace(profiles=(profile,))
    message = mail(letter(condition), GatewayName(name, name, "0"))
    assert len(message.items()) == 10
    assert message.get_content().replace("\r\n", "\n").count("\n") == 11
    assert not message.defects


def test_a_language_changes_sentences_and_neither_subject_nor_codes():
    """Filters go on working."""

    class Loud:
        def gettext(self, message):
            return message.upper().replace("{PROFILE}", "{profile}").replace("{COMMAND}", "{command}")

        def ngettext(self, one, many, n):
            return self.gettext(one if n == 1 else many)

    message = mail(letter(), spoken=Spoken("nl", Loud()))
    assert message["Subject"] == mail(letter())["Subject"]
    assert message["Content-Language"] == "nl"
    assert "THE PROFILE employer IS NOT SERVED" in message.get_content()
    assert "WHAT TO DO: fla-gateway doctor employer" in message.get_content()


def test_the_document_has_exactly_these_members():
    """They are a contract, and so are their names."""
    document = json.loads(write(letter(NOT_SERVED._replace(ends=1_790_000_000.0)), GATEWAY, ENGLISH))
    (alert,) = document.pop("alerts")
    assert alert.pop("since_local").endswith(" (2026-09-21T14:12:20Z)")
    assert alert == {
        "code": "profile-not-served",
        "state": "raised",
        "subject": "employer",
        "profiles": ["employer"],
        "since": "2026-09-21T14:12:20Z",
        "ends": "2026-09-21T14:13:20Z",
        "text": "The profile employer is not served: its key cannot be used.",
        "command": "fla-gateway doctor employer",
        "cure": "It says what is wrong with the key, and what to do.",
    }
    assert document == {
        "version": 1,
        "id": "0b0e2a3c-7d5c-4a0e-9b1d-3f9a7c1d2e4f",
        "time": "2026-09-21T14:13:20Z",
        "gateway": {"name": "payroll-gateway", "host": "gw1.company.example", "version": "0.0"},
        "language": "en",
        "text": "[fla-gateway] payroll-gateway ALERT profile-not-served employer\n"
        "The profile employer is not served: its key cannot be used. fla-gateway doctor employer",
        "unlisted": 0,
    }


def test_a_test_alert_names_nothing_to_do():
    """It has no command."""
    condition = saying("A test.")._replace(code="test", subject="", command="", profiles=(), cure=Text("Nothing."))
    assert mail(letter(condition))["Subject"] == "[fla-gateway] payroll-gateway ALERT test"
    assert "What to do" not in mail(letter(condition)).get_content()
