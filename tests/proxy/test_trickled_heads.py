"""Heads that come byte by byte cost what they weigh, on both sides."""

from __future__ import annotations

import time

from fla_gateway.http1.request import check_partial_head
from fla_gateway.proxy.upstream import ApiConnection

BEGINNING = b"HTTP/1.1 200 OK\r\nX: " + b"a" * 60_000
BYTES = 3_000
SECONDS = 1.0
"""Looking at the whole head for each byte takes several seconds; looking at what is new, a twentieth of one."""


class Silent:
    """Pool, exchange and transport of a connection from which nothing is to come."""

    body_open = False

    def write(self, data):
        """Take a request."""


def test_an_answers_head_is_looked_at_once():
    """An API that trickles cannot make the gateway busy."""
    connection = ApiConnection(Silent(), 0.0)
    connection.connection_made(Silent())
    connection.carry(Silent())
    connection.data_received(BEGINNING)
    began = time.process_time()
    for _ in range(BYTES):
        connection.data_received(b"a")
    assert time.process_time() - began < SECONDS


def test_a_requests_head_is_looked_at_once():
    """Nor can a caller."""
    head = BEGINNING
    began = time.process_time()
    for _ in range(BYTES):
        seen, head = len(head), head + b"a"
        check_partial_head(head, seen)
    assert time.process_time() - began < SECONDS
