"""Python's own HTTP clients, which `requests` and many others stand on, against the gateway over real sockets."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from tests.support.upstream import Scripted
from tests.support.waiting import PATIENCE

DECLARATIONS = "/REST/dimona/v2/declarations"
MEGABYTE = bytes(range(256)) * 4096


def connect(place):
    """Open a connection that is kept."""
    return closing(http.client.HTTPConnection("127.0.0.1", place.rig.port, timeout=PATIENCE))


def test_many_calls_on_one_connection(place):
    """Bodies, answers without any, HEAD and errors leave a connection at the place where the next call begins."""
    place.upstream.script.extend(
        Scripted(raw)
        for raw in (
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n",
        )
    )
    met = []
    with connect(place) as connection:
        for method in ("DELETE", "GET", "HEAD", "GET", "PUT"):
            connection.request(method, f"/employer{DECLARATIONS}", b"{}" if method == "PUT" else None)
            socket = connection.sock
            answer = connection.getresponse()
            met.append((answer.status, answer.read(), connection.sock is socket))
    assert met == [(204, b"", True), (304, b"", True), (200, b"", True), (404, b"none", True), (200, b"all", True)]


def test_a_body_of_unknown_length(place):
    """What a generator yields is sent in chunks and arrives whole."""
    with connect(place) as connection:
        pieces = (MEGABYTE[start : start + 10_000] for start in range(0, len(MEGABYTE), 10_000))
        connection.request("POST", f"/employer{DECLARATIONS}", pieces, encode_chunked=True)
        assert connection.getresponse().status == 200
    assert place.upstream.seen[-1].body == MEGABYTE


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_location_leads_back_through_the_gateway(place, host):
    """A declaration's Location can be asked as it stands, under the name that the caller used, and needs no token."""
    location = f"https://{place.upstream.authority}{DECLARATIONS}/1"
    place.upstream.script.append(
        Scripted(f"HTTP/1.1 201 Created\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    )
    address = f"http://{host}:{place.rig.port}/employer{DECLARATIONS}"
    # Without the proxies of the environment: urllib would send even a call to 127.0.0.1 there.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(address, b"{}"), timeout=PATIENCE) as created:
        assert created.headers["Location"] == f"{address}/1"
        followed = created.headers["Location"]
    with opener.open(followed, timeout=PATIENCE) as result:
        assert result.status == 200
    assert place.upstream.seen[-1].target.decode() == f"{DECLARATIONS}/1"


def test_a_problem_of_the_gateways_own(place):
    """An error that the gateway answers is JSON to a client's taste, and the connection serves the next call."""
    with connect(place) as connection:
        connection.request("POST", "/nobody/REST/x", MEGABYTE)
        answer = connection.getresponse()
        assert (answer.status, answer.headers.get_content_type()) == (404, "application/problem+json")
        assert json.load(answer)["type"] == "urn:problem-type:fla-gateway:unknown-profile"
        connection.request("GET", f"/employer{DECLARATIONS}")
        assert connection.getresponse().status == 200


def test_an_early_answer_is_read_in_spite_of_the_body(place):
    """A client that sends its whole body before it looks gets the answer that came long before, and no reset."""
    request = urllib.request.Request(f"http://127.0.0.1:{place.rig.port}/nobody/x", MEGABYTE * 4)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(request, timeout=PATIENCE)
    with refused.value as answer:
        assert json.load(answer)["delivery"] == "not-sent"


@pytest.mark.parametrize("framing", ["Content-Length: 9", "Transfer-Encoding: chunked"])
def test_a_cut_answer_is_no_whole_one(place, framing):
    """An answer that the API breaks off ends as an error at the caller."""
    place.upstream.script.append(Scripted(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n3\r\nabc".encode(), "reset"))
    with connect(place) as connection:
        connection.request("GET", f"/employer{DECLARATIONS}")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
