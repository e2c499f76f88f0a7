"""docs/security.md: every test that it names exists, every hazard has its row, and its numbers are the program's."""

from __future__ import annotations

import re
from functools import cache

import pytest

from fla_gateway.access import bounded_cache, path_readings
from fla_gateway.access.authentication import api_key, authenticator, credentials
from fla_gateway.admin import connection, failed_attempts, server
from fla_gateway.config.gateway_tables import Gateway
from fla_gateway.http1 import chunked, fields
from fla_gateway.journal.writer import backlog, housekeeping
from fla_gateway.kubernetes import jwks_cache, service_account_tokens
from fla_gateway.listeners import tls_handshakes
from fla_gateway.network import lookup_threads, troubled_addresses
from fla_gateway.oauth import token_response
from fla_gateway.observe.logs import line_writer
from fla_gateway.proxy import work_budget
from fla_gateway.proxy.downstream import linger
from fla_gateway.proxy.exchange import exchange
from fla_gateway.proxy.upstream import connection as upstream
from fla_gateway.tokens import backoff, token_brake
from tests.docs.pages import ROOT, read

PAGE = "docs/security.md"
TEST = re.compile(r"`([a-z_0-9/]+\.py)::(test_\w+)`")
DEFAULTS = Gateway()

# Each row of what is known to have gone wrong in programs of this kind, by section.
HAZARDS = {
    "Classes of published weaknesses": [
        "field names with `_`", "fields that `Connection` nominates", "trust in `X-Forwarded-*`",
        "exceptions by fragment, User-Agent or path", "two readings of a path", "NUL, CR and LF in fields",
        "two Hosts, two lengths, two credentials", "smuggling by upgrade or framing",
        "unbounded trailers, fields, pipelines, compression", "a credential follows a redirect",
        "credentials of the surroundings", "a replay with an empty body", "DNS rebinding to localhost",
        "SSRF, open proxy", "answers or settings of another caller", "secrets in logs",
        "an assertion that is good elsewhere", "an admin surface without authentication",
        "libraries with known weaknesses",
    ],
    "Mistakes that others have made": [
        "requests are buffered without a cap", "three retries within no time", "a consumed body is replayed",
        "one empty answer stops renewal for ever", "chunked answers are lost, callers' options mixed",
        "own users throttled, corporate proxies ignored", "200 without a token", "credentials in the debug log",
        "readiness depends on the upstream", "no caller guesses which Host is wanted",
    ],
    "Seen while proxies of this kind were tried": [
        "`Connection: content-length`", "a connection that was given back paused", "bytes on an idle connection",
        "a 502 is written into a half-sent body", "the client library sends again by itself",
        "bytes beyond ASCII in fields", "interim answers, Expect, HTTP/1.0", "cookies of one caller sent for another",
        "one cancelled waiter cancels them all", "loading and signing with a key blocks the loop",
        "key files that load and must not be used", "key files as people really have them",
        "answers of token servers as they really are", "newer Pythons verify CAs strictly",
    ],
    "Ten patterns": [
        "renewal must be invisible", "one bad answer must not wedge", "end with the job, drain without dropping",
        "reload everything", "say which hop failed", "clocks and sleep", "never the memory or CPU problem",
        "do not eat fields, Host, bodies", "key errors in human words", "the admin surface is the attack surface",
    ],
}  # fmt: skip


def section(heading: str) -> str:
    """Give the text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^##|\Z)", read(PAGE), re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the rows of a section's table, its head left out."""
    lines = [line for line in section(heading).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines[1:]]


@cache
def named_in(path: str) -> frozenset[str]:
    """Give the names of the tests of a file."""
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    return frozenset(re.findall(r"^ *(?:async )?def (test_\w+)\(", text, re.MULTILINE))


def test_every_test_that_is_named_exists():
    """A promise whose test was renamed or removed is noticed here."""
    named = TEST.findall(read(PAGE))
    assert len(named) > 150
    assert read(PAGE).count("::test_") == len(named)
    assert [f"{path}::{name}" for path, name in named if name not in named_in(path)] == []


@pytest.mark.parametrize("heading", HAZARDS)
def test_every_hazard_has_its_row_and_a_test(heading):
    """Each row that must be there is there once, says what is done, and names a test."""
    found = rows(heading)
    assert len(found) == len(HAZARDS[heading])
    for expected, row in zip(HAZARDS[heading], found, strict=True):
        assert row[0].startswith(expected), row[0]
        assert len(row) == 3
        assert row[1]
        assert TEST.search(row[2]), expected


def test_every_attacker_is_told_with_defence_test_and_gap():
    """Nobody is listed without what stops him, the tests that show it, and what is left open."""
    found = rows("Who may attack, and from where")
    assert len(found) >= 15
    for row in found:
        assert len(row) == 5, row[0]
        assert all(row), row[0]
        assert TEST.search(row[3]), row[0]


def test_every_promise_of_this_surface_has_a_test():
    """The last table has nothing but promises and their tests."""
    for row in rows("Callers, policy, limits and journal"):
        assert len(row) == 2, row
        assert TEST.search(row[1]), row[0]


TIMES = DEFAULTS.timeouts
BOUNDS = {
    "head of a message": f"{fields.MAX_HEAD:,} bytes, {fields.MAX_FIELDS} fields",
    "layers and number of percent signs of a path": f"{path_readings.MAX_DECODINGS} and {path_readings.MAX_ENCODED}",
    "chunk-size line; trailers": f"{chunked.MAX_SIZE_LINE} bytes; {chunked.MAX_TRAILER:,} bytes",
    "interim answers of the API": f"{upstream._MAX_INTERIM:,} bytes before a final one",
    "chunks decoded in one turn of the loop, of all peers together": (
        f"{work_budget.UNITS:,}; the head of an interim answer counts as {work_budget.INTERIM_UNITS}"
    ),
    "callers' connections": (
        f"{DEFAULTS.max_connections:,} (`max_connections`), and {tls_handshakes.MOST_HANDSHAKES} TLS handshakes"
    ),
    "names being resolved at once": f"{lookup_threads.MOST_THREADS}, of which {lookup_threads.MOST_DOUBTFUL} that "
    "failed last time; a name of `/etc/hosts` never waits",
    "addresses that failed and come last": f"{troubled_addresses.MOST_REMEMBERED:,}, for "
    f"{troubled_addresses.REMEMBERED_SECONDS / 60:g} minutes",
    "a slow head, an idle connection, a TLS handshake": (
        f"{TIMES.head:g} s, {TIMES.idle:g} s, {tls_handshakes.HANDSHAKE_SECONDS:g} s"
    ),
    "thrown away of a refused request's body": (f"{linger.LINGER_BYTES >> 20} MiB or {linger.LINGER_SECONDS} s"),
    "body kept for the 401 replay": f"{DEFAULTS.replay_limit:,} bytes (`replay_limit`)",
    "body taken before there is a connection": f"{exchange._OUTBOX_LIMIT:,} bytes and what one read brings",
    "connections to the API; requests that wait for one": (
        f"{DEFAULTS.pool.connections} and {DEFAULTS.pool.queue} per profile"
    ),
    "remembered request lines, field blocks, callers and permissions": (
        f"{bounded_cache.MOST_BYTES >> 20} MiB together; "
        f"lines and blocks of at most {bounded_cache.LONGEST:,} bytes, paths of "
        f"{authenticator.LONGEST_REMEMBERED}"
    ),
    "credential of a caller": (
        f"a key of {len(api_key.new_key())} characters, or a token of {credentials.LONGEST_TOKEN:,}"
    ),
    "signatures of service-account tokens": f"{service_account_tokens.SIGNATURES_PER_SECOND} per second",
    "fetches of a cluster's keys for unknown key names": f"one in {jwks_cache.FETCHING.unknown:g} s",
    "answer of the token server; token": (
        f"{token_response.LARGEST_ANSWER:,} bytes; {token_response.LONGEST_TOKEN:,} characters"
    ),
    "another token after a 401, per service that goes on refusing": (
        f"one in {token_brake.LONGEST:g} s at most "
        f"(brakes of {token_brake.FIRST:g} s, doubled to {token_brake.LONGEST:g} s; "
        f"{token_brake.LIMIT} services and one for the rest)"
    ),
    "token fetches after failures": (
        f"{backoff.ORDINARY.least:g} to {backoff.ORDINARY.most:g} s apart; refused credentials "
        f"{backoff.REFUSED.least:g} to {backoff.REFUSED.most:g} s"
    ),
    "admin listener": (
        f"{server._MOST_CONNECTIONS} connections, {connection._MOST_FIELDS} fields, "
        f"a line of {connection._LONGEST_LINE:,} bytes, a field of {connection._LONGEST_FIELD:,}"
    ),
    "wrong keys for status page and actions": (
        f"{failed_attempts.MOST} within {failed_attempts.WINDOW:g} s, then {failed_attempts.PAUSE:g} s of 429"
    ),
    "journal records of unknown callers": f"one in {housekeeping.REJECTIONS_SECONDS:g} s",
    "journal records that wait for a disk": f"{backlog.MOST:,}, then lost and counted",
    "request lines and events that wait for a reader": (
        f"{line_writer.MOST_BYTES >> 20} MiB, {line_writer.EVENT_BYTES >> 20} of them for events alone; "
        "then request lines are "
        "lost first, and all are counted"
    ),
}


def test_every_fixed_bound_is_the_programs():
    """The table has these rows and no others, each with the constant or default that is held."""
    assert dict(rows("Fixed bounds")) == BOUNDS


def test_measured_values_say_when_and_on_what():
    """A measurement without date and machine is a rumour."""
    text = " ".join(section("Measured").split())
    assert re.search(r"On [0-9]{1,2} [A-Z][a-z]+ 20[0-9]{2}, Python 3\.[0-9]+", text)
    assert "cores" in text


def test_it_is_said_how_to_report_and_which_versions_are_mended():
    """The policy invents no address, and says where to look for one; the threat model leads to it."""
    assert "SECURITY.md" in section("Reporting a weakness")
    policy = read("SECURITY.md")
    assert "private" in policy
    assert "newest minor version" in policy
    assert "@" not in policy
