"""Events on standard error."""

from __future__ import annotations

import io
import json
import os
import re

import pytest
import structlog

from fla_gateway.config.schema import Log
from fla_gateway.errors import ProblemError
from fla_gateway.i18n.message import Text
from fla_gateway.observe.logs.event_log import chosen_format, configure
from fla_gateway.observe.logs.journal_priority import prefixes
from fla_gateway.secret import Secret


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def logged():
    """Configure the log with given settings and give the stream; structlog's own defaults come back afterwards."""

    def start(**settings):
        stream = io.StringIO()
        configure(Log(**settings), stream)
        return stream

    yield start
    structlog.reset_defaults()


def test_json_event_is_one_object_per_line(logged):
    """An event in JSON has time, level, event and its fields."""
    stream = logged(format="json")
    structlog.get_logger().warning("clock-skew", server="example", seconds=31.5)
    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("Z")
    assert event == {"level": "warning", "event": "clock-skew", "server": "example", "seconds": 31.5}


def test_json_event_has_the_form_of_a_request_line(logged):
    """Events and request lines are read by the same means: milliseconds, and no blanks between members."""
    stream = logged(format="json")
    structlog.get_logger().warning("clock-skew", seconds=31.5)
    form = (
        r'\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"warning","event":"clock-skew","seconds":31\.5\}\n'
    )
    assert re.fullmatch(form, stream.getvalue())


def test_every_line_of_an_event_carries_its_priority_for_the_journal(tmp_path, monkeypatch):
    """The journal of systemd takes each line for an entry of its own, so each begins with the level."""
    with (tmp_path / "stream").open("w+", encoding="utf-8") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        configure(Log(format="console", level="debug"), stream)
        try:
            raise_one()
        except ValueError as error:
            structlog.get_logger().error("loop-fault", exc_info=error)
        structlog.reset_defaults()
        stream.seek(0)
        lines = stream.read().splitlines()
    assert len(lines) > 1
    assert all(line.startswith("<3>") for line in lines)


@pytest.mark.parametrize("variable", [None, "", "1:1", "no numbers"])
def test_other_streams_get_no_priority(tmp_path, variable):
    """Where JOURNAL_STREAM is not this very stream, lines stay as they are: a redirected stream is read by others."""
    with (tmp_path / "stream").open("w", encoding="utf-8") as stream:
        environ = {} if variable is None else {"JOURNAL_STREAM": variable}
        assert not any(prefixes(stream, environ).values())
    assert not any(prefixes(io.StringIO(), {"JOURNAL_STREAM": "1:1"}).values())


def raise_one():
    """Raise an error, through a frame of its own."""
    raise ValueError


def test_console_event_is_one_readable_line(logged):
    """An event on the console shows its fields as words, quoted where they hold spaces or quotes."""
    stream = logged(format="console")
    structlog.get_logger().info("listening", address="127.0.0.1:8480", note='a "b" c', count=3)
    assert stream.getvalue().partition(" ")[2] == (
        'info    listening address=127.0.0.1:8480 note="a \\"b\\" c" count=3\n'
    )


def test_auto_format_asks_the_stream():
    """`auto` means console on a terminal and JSON elsewhere."""
    assert chosen_format(Log(), Terminal()) == "console"
    assert chosen_format(Log(), io.StringIO()) == "json"
    assert chosen_format(Log(format="json"), Terminal()) == "json"


@pytest.mark.parametrize("form", ["json", "console"])
def test_secret_does_not_show(logged, form):
    """A secret in an event, however deep, comes out as [secret]."""
    stream = logged(format=form, level="debug")
    structlog.get_logger().debug("x", token=Secret("canary"), deep={"a": [Secret("canary"), (Secret("canary"),)]})
    assert "canary" not in stream.getvalue()
    assert stream.getvalue().count("[secret]") == 3


@pytest.mark.parametrize("form", ["json", "console"])
def test_forged_line_stays_one_line(logged, form):
    """Line breaks, escape sequences and bidirectional marks in a value are made visible."""
    stream = logged(format=form)
    structlog.get_logger().info("x", value="a\r\nforged \x1b[31m\u202e\x9b", raw=b"\x00\n", **{"na\nme": 1})
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    assert "forged" in text


def test_long_value_is_cut(logged):
    """A value of a megabyte does not become a line of a megabyte."""
    stream = logged(format="json")
    structlog.get_logger().info("x", value="y" * 1_000_000, many=list(range(10_000)))
    assert len(stream.getvalue()) < 2_000


def test_level_filters(logged):
    """Events below the level are not written."""
    stream = logged(format="json", level="warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    assert json.loads(stream.getvalue())["event"] == "loud"


def test_foreign_error_is_named_and_not_quoted(logged):
    """The message of a foreign error may hold a password: only its type is logged, without a traceback."""
    stream = logged(format="json")
    try:
        int("canary")
    except ValueError as error:
        structlog.get_logger().exception("key-unreadable", cause=error)
    event = json.loads(stream.getvalue())
    assert event["error"] == event["cause"] == "ValueError"
    assert "trace" not in event
    assert "canary" not in stream.getvalue()


def test_own_error_is_quoted(logged):
    """An error of the program's own family says what happened; it never holds a secret."""
    stream = logged(format="json")
    structlog.get_logger().warning("token-failed", error=ProblemError("token-refused", Text("invalid_client")))
    assert json.loads(stream.getvalue())["error"] == "token-refused: invalid_client"


def test_debug_shows_places_without_messages_or_locals(logged):
    """At level debug an error tells where it went through, for each cause, and still quotes nothing."""
    stream = logged(format="json", level="debug")
    password = "canary"
    try:
        try:
            int(password)
        except ValueError as cause:
            raise KeyError(password) from cause
    except KeyError as error:
        structlog.get_logger().error("broke", exc_info=error)
    event = json.loads(stream.getvalue())
    assert [line for line in event["trace"] if not line.startswith("  ")] == ["KeyError", "ValueError"]
    assert any("test_event_log.py" in line for line in event["trace"])
    assert "canary" not in stream.getvalue()


def test_logger_made_before_configuration_obeys_it(logged):
    """A module's logger, made when the module was imported, follows the configuration that comes later."""
    early = structlog.get_logger()
    stream = logged(format="json", level="error")
    early.info("quiet")
    early.error("loud")
    assert len(stream.getvalue().splitlines()) == 1


def test_broken_stream_does_not_raise(logged):
    """A closed standard error must not end the exchange that had something to say."""
    stream = logged(format="json")
    stream.close()
    structlog.get_logger().error("x")
