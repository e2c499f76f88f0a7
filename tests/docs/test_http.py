"""docs/http.md has the numbers that the program has."""

from __future__ import annotations

import pytest

from fla_gateway.access import path_readings
from fla_gateway.config.gateway_tables import Gateway
from fla_gateway.http1 import chunked, fields
from fla_gateway.network import dialer, resolver, troubled_addresses
from fla_gateway.proxy.downstream import linger
from fla_gateway.proxy.exchange import exchange
from fla_gateway.proxy.upstream import connection as upstream
from fla_gateway.tokens import cache
from tests.docs.pages import read

DEFAULTS = Gateway()
TIMES = DEFAULTS.timeouts
POOL = DEFAULTS.pool
HEAD = f"{fields.MAX_HEAD:,} bytes, {fields.MAX_FIELDS} fields"


def cells() -> dict[str, str]:
    """Give the second cell of every row of the page by the first."""
    found = [line.split(" | ") for line in read("docs/http.md").splitlines() if line.startswith("| ")]
    return {row[0].removeprefix("| "): row[1] for row in found}


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("a request's head, from its first byte", f"{TIMES.head:g} s"),
        ("a connection without a request", f"{TIMES.idle:g} s"),
        ("a wait for a token", f"{cache.WAIT_SECONDS:g} s (fixed)"),
        ("a wait for a free connection to the API", f"{POOL.queue_seconds:g} s"),
        ("a connection to the API: name, TCP, proxy and TLS, all addresses together", f"{TIMES.connect:g} s"),
        ("the API's first byte, after the request", f"{TIMES.first_byte:g} s"),
        ("the caller's body brings no byte", f"{TIMES.write_stall:g} s"),
        ("the API takes no byte of a body", f"{TIMES.write_stall:g} s"),
        ("the API stops within an answer", f"{TIMES.write_stall:g} s"),
        ("the caller takes no byte of an answer", f"{TIMES.write_stall:g} s"),
        ("the whole exchange", f"{TIMES.exchange:g} s"),
        ("head of a request", HEAD),
        (
            "head of an answer",
            f"{HEAD}, and {upstream._MAX_INTERIM:,} bytes of interim answers",
        ),
        ("chunk-size line with its extensions", f"{chunked.MAX_SIZE_LINE} bytes"),
        ("trailers", f"{chunked.MAX_TRAILER:,} bytes"),
        ("a length", f"{fields._MOST_DIGITS} digits; of a chunk 15 hexadecimal digits"),
        (
            "body taken while there is no token or connection yet",
            f"{exchange._OUTBOX_LIMIT >> 10} KiB and what one read brings",
        ),
        (
            "callers' connections",
            f"{DEFAULTS.max_connections:,}, fewer if the limit of open files is low",
        ),
        ("connections to the API, per profile", f"{POOL.connections}"),
        ("requests that wait for one", f"{POOL.queue}"),
    ],
)
def test_a_limit_is_the_one_that_is_held(row, text):
    """Each number of the tables of time limits and limits is the default or the constant."""
    assert cells()[row] == text


@pytest.mark.parametrize(
    "sentence",
    [
        f"more than {path_readings.MAX_DECODINGS} layers of percent-encoding",
        f"or {path_readings.MAX_ENCODED} percent signs",
        f"up to {dialer.MOST_ADDRESSES} addresses",
        f"after {dialer.STAGGER_SECONDS * 1000:g} ms the next one is tried beside it",
        f"comes last for {troubled_addresses.REMEMBERED_SECONDS / 60:g} minutes",
        f"slower than {resolver.PATIENCE_SECONDS:g} s (half of `connect`, where that is less)",
        f"not older than {resolver.STALE_SECONDS / 3600:g} hour",
        f"for up to {linger.LINGER_SECONDS} s or {linger.LINGER_BYTES >> 20} MiB",
        f"idle for less than {POOL.changing_idle_seconds:g} s",
        f"kept whole ({DEFAULTS.replay_limit >> 10} KiB by default, `replay_limit`)",
        f"{TIMES.idle:g} s without a request by default",
    ],
)
def test_a_number_in_passing_is_the_one_that_is_held(sentence):
    """So is each number that a sentence names."""
    assert sentence in " ".join(read("docs/http.md").split())
