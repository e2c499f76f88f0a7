"""`fla-gateway cert calendar`: the ends of certificates as a calendar that programs take."""

from __future__ import annotations

import re
from contextvars import copy_context
from datetime import datetime
from typing import Any

import pytest

from fla_gateway.cli.main import execute
from fla_gateway.i18n.catalogues import spoken
from fla_gateway.i18n.message import Text
from tests.support.keys import NOW, certificate_pem, key_pem, make_certificate, make_ec, write_private

CONFIGURATION = """
[keys.acme]
pem = "acme.pem"
[keys.next]
pem = "next.pem"
[keys.bare]
pem = "bare.pem"

[profiles.employer]
environment = "production"
client_id = "self_service_chaman_000001_a"
key = "acme"
next_key = "next"
anonymous = true

[profiles.a-second-one-with-a-long-name]
environment = "production"
client_id = "self_service_chaman_000001_b"
key = {{ pem = "next.pem" }}
anonymous = true
{more}
"""
BARE = """
[profiles.bare]
environment = "production"
client_id = "self_service_chaman_000001_c"
key = "bare"
anonymous = true
"""


@pytest.fixture
def calendar(tmp_path, capsys):
    """Run the command on two profiles with two certificates; give exit code, the calendar, and what was said."""
    for name in ("acme", "next"):
        key = make_ec()
        write_private(tmp_path / f"{name}.pem", key_pem(key) + certificate_pem(make_certificate(key)))
    write_private(tmp_path / "bare.pem", key_pem(make_ec()))

    def run(more="", *words):
        path = write_private(tmp_path / "gateway.toml", CONFIGURATION.format(more=more))
        code = copy_context().run(execute, ["cert", "calendar", "--config", str(path), *words])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


def events(text):
    """Read a calendar as RFC 5545 has it; give the properties of each event."""
    assert text.endswith("END:VCALENDAR\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    unfolded = text.replace("\r\n ", "").split("\r\n")
    found: list[dict[str, Any]] = []
    opened: list[str] = []
    for line in unfolded[:-1]:
        name, _, value = line.partition(":")
        assert re.fullmatch(r"[A-Z-]+(?:;VALUE=DATE)?", name)
        if name == "BEGIN":
            opened.append(value)
            if value == "VEVENT":
                found.append({})
        elif name == "END":
            assert opened.pop() == value
        elif opened[-1] == "VALARM":
            found[-1].setdefault("alarms", {}).setdefault(name, []).append(value)
        elif opened[-1] == "VEVENT":
            assert name not in found[-1]
            found[-1][name] = value
    assert opened == []
    return found


def test_every_profile_has_its_ends(calendar):
    """One whole-day event for each key of each profile, a next key's too, with three reminders and the command."""
    code, text, err = calendar()
    assert (code, err.count("\n")) == (0, 1)
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    found = events(text)
    assert [it["SUMMARY"] for it in found] == [
        "Certificate of employer (acme) ends", "Certificate of employer (next) ends",
        "Certificate of a-second-one-with-a-long-name ends",
    ]  # fmt: skip
    assert len({it["UID"] for it in found}) == 3
    for one in found:
        days = [datetime.strptime(one[f"{name};VALUE=DATE"], "%Y%m%d").date() for name in ("DTSTART", "DTEND")]  # noqa: DTZ007
        assert (days[1] - days[0]).days == 1
        assert abs((days[0] - NOW.date()).days - 365) <= 1
        assert one["alarms"]["TRIGGER"] == ["-P60D", "-P30D", "-P7D"]
        assert one["alarms"]["ACTION"] == ["DISPLAY"] * 3
        assert "fla-gateway cert renew" in one["DESCRIPTION"]


def test_it_is_in_the_language_of_the_configuration_unless_the_command_names_one(calendar):
    """The calendar of a company is in its language; the ids are the same, so that nothing is doubled by another one."""
    dutch = '[gateway]\nlanguage = "nl"\n'
    texts = {"nl": calendar(dutch), "fr": calendar(dutch, "--lang", "fr"), "en": calendar(dutch, "--lang", "en")}
    found = {language: events(text)[0] for language, (_, text, _) in texts.items()}
    template = "Certificate of {profile} ({key}) ends"
    for language, event in found.items():
        said = Text(template, profile="employer", key="acme").translated(spoken(language).catalogue)
        assert event["SUMMARY"] == said
        assert f"certificates//{language.upper()}" in texts[language][1]
    assert len({it["SUMMARY"] for it in found.values()}) == 3
    assert len({it["UID"] for it in found.values()}) == 1


def test_written_again_nothing_is_doubled(calendar):
    """The ids are the same, so that a calendar that takes it again has each end once."""
    first, second = events(calendar()[1]), events(calendar()[1])
    assert [it["UID"] for it in first] == [it["UID"] for it in second]


def test_an_end_that_is_not_known_is_named(calendar):
    """Exit code 1; the other ends are in the calendar, which stays well-formed."""
    code, text, err = calendar(BARE)
    assert (code, len(events(text))) == (1, 3)
    assert "bare: no end is known of 'bare': it has no certificate" in err
