"""The guard of browsers: which names, and which signs of a browser."""

from __future__ import annotations

import pytest

from fla_gateway.access.browser.origin_guard import judge, listener_names
from fla_gateway.http1.fields import field_lines

NAMES = listener_names(8480, ["192.0.2.7"], ["gateway", "gw.ns.svc.cluster.local", "192.0.2.8", "other:9000"])


def verdict(host, *lines, names=NAMES, **further):
    """Give the code of the refusal, or None."""
    block = field_lines("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n")
    assert block is not None
    refusal = judge(host, block, names, **further)
    return refusal and refusal.code


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8480", "LOCALHOST:8480", "127.0.0.1", "127.0.0.1:8480", "[::1]", "[::1]:8480",
        "192.0.2.7", "192.0.2.7:8480", "gateway", "Gateway:8480", "other:9000",
        "gateway.", "gw.ns.svc.cluster.local.:8480",
    ],
)  # fmt: skip
def test_a_name_of_the_listener_is_let_in(host):
    """Loopback names, the bound address and configured names are good, with the listener's port or without any.

    Configured ones are so as absolute names as well.
    """
    assert verdict(host.encode()) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost:", "gateway:",
        "", "evil.example", "localhost:8481", "localhost.", "localhost::", "127.0.0.2", "127.1", "[::2]", "gateway:80",
        "other", "other:8480", "localhost.evil.example", "192.0.2.7:443",
        "192.0.2.8.", "gateway..", "gateway.:80", "other:", "[::ffff:127.0.0.1]",
    ],
)  # fmt: skip
def test_any_other_name_is_refused(host):
    """A name that was made to point here (DNS rebinding) is answered 421, whatever it looks like."""
    assert verdict(host.encode()) == "wrong-host"


def test_http_1_0_without_host_and_unix_sockets_need_no_name():
    """No Host at all is good enough, and a Unix socket answers to every name."""
    assert verdict(None) is None
    assert verdict(b"evil.example", names=None) is None


@pytest.mark.parametrize(
    "line",
    [
        "Origin: https://evil.example", "ORIGIN: null", "Origin: http://localhost:8480", "Origin:",
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "sec-fetch-site: Cross-Site", "Sec-Fetch-Site:",
        "Referer: https://evil.example/page", "Referer: http://evil.example", "referer: http://localhost:3000/app",
        "Referer: https://localhost:8480/", "Referer: http://localhost/app", "Referer: http://localhost:/app",
        "Referer: http://[::1]/",
        "Referer: http://localhost:8480@evil.example/",
        "Referer: http://evil.example?http://localhost:8480/", "Referer: http://evil.example#@localhost:8480/",
    ],
)  # fmt: skip
def test_what_a_page_in_a_browser_causes_is_refused(line):
    """Origin, Fetch Metadata of another site and a foreign Referer show a page at work."""
    assert verdict(b"localhost", line) == "browser-refused"


@pytest.mark.parametrize("line", ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"])
def test_a_unix_socket_is_guarded_against_pages_as_well(line):
    """That no name can point to a Unix socket does not open it for pages."""
    assert verdict(None, line, names=None) == "browser-refused"


@pytest.mark.parametrize(
    "line",
    [
        "Sec-Fetch-Site: none", "Sec-Fetch-Site: Same-Origin", "Referer: http://localhost:8480/employer/REST/x",
        "Referer:", "Referer: about:blank", "Referer: /relative", "X-Origin: https://evil.example",
        "Sec-Fetch-Mode: navigate", "User-Agent: Mozilla/5.0",
    ],
)  # fmt: skip
def test_a_person_who_types_an_address_is_let_in(line):
    """A navigation of a person's own, and pages of this very listener, are no attack."""
    assert verdict(b"localhost:8480", line) is None


def test_a_page_of_port_80_is_this_listeners_own_only_there():
    """A Referer leaves the default port out."""
    assert verdict(b"localhost", "Referer: http://localhost/x", names=listener_names(80, [], [])) is None


def test_the_name_is_judged_before_the_page():
    """A rebound name is what is told, even if a page asks: the cure is another one."""
    assert verdict(b"evil.example", "Origin: https://evil.example") == "wrong-host"


@pytest.mark.parametrize(
    "line",
    [
        "User-Agent: kube-probe/1.30", "X-Forwarded-Host: localhost", "X-Forwarded-For: 127.0.0.1",
        "Forwarded: host=localhost;for=127.0.0.1", "X-Original-Host: localhost", "X-Real-IP: 127.0.0.1",
    ],
)  # fmt: skip
def test_no_field_makes_an_exception(line):
    """Neither a prober's name nor what a proxy is said to have seen: the Host field alone is judged."""
    assert verdict(b"evil.example", line) == "wrong-host"
    assert verdict(b"localhost", line.replace("localhost", "evil.example")) is None


SECURE = listener_names(443, [], ["gateway"])


@pytest.mark.parametrize(
    "line", ["Referer: https://gateway/x", "Referer: https://gateway:443/x", "Referer: https://localhost"]
)
def test_pages_of_a_tls_listener_are_its_own(line):
    """On a listener that speaks TLS a page of its own is https, of port 443 where none is written."""
    assert verdict(b"gateway", line, names=SECURE, secure=True) is None
    assert verdict(b"gateway", line, names=SECURE) == "browser-refused"


@pytest.mark.parametrize(
    "line", ["Referer: http://gateway:443/", "Referer: http://gateway/", "Referer: https://other/"]
)
def test_other_pages_are_not_a_tls_listeners_own(line):
    """The same name in clear text is another origin, which anybody on the network can make."""
    assert verdict(b"gateway", line, names=SECURE, secure=True) == "browser-refused"


BROWSERS = {
    "chromium": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
    "firefox": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "safari": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1",
    "explorer": "Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko",
}


@pytest.mark.parametrize("agent", BROWSERS.values(), ids=BROWSERS.keys())
def test_a_browser_that_does_not_say_what_caused_a_request_is_refused(agent):
    """An image tag that sends no Referer, to a plain name without TLS, shows in nothing but the User-Agent."""
    assert verdict(b"gateway", f"User-Agent: {agent}") == "browser-refused"
    assert verdict(b"gateway", f"User-Agent: {agent}", "Referer:") == "browser-refused"
    assert verdict(b"gateway", f"user-agent: {agent}", "Referer: about:blank") == "browser-refused"


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:8480", b"127.0.0.1:8480", b"[::1]", b"[::1]:8480"])
def test_on_loopback_a_browsers_name_alone_proves_nothing(host):
    """There browsers say what caused a request; a program that borrows the name of one is let in as ever."""
    assert verdict(host, f"User-Agent: {BROWSERS['firefox']}") is None


def test_over_tls_a_browsers_name_alone_proves_nothing():
    """There browsers say what caused a request as well."""
    assert verdict(b"gateway", f"User-Agent: {BROWSERS['firefox']}", names=SECURE, secure=True) is None


@pytest.mark.parametrize(
    "told", ["Sec-Fetch-Site: none", "Sec-Fetch-Site: same-origin", "Referer: http://gateway:8480/employer/REST/x"]
)
def test_a_browser_that_says_what_caused_a_request_is_believed(told):
    """No page can set these fields: they are the browser's own."""
    assert verdict(b"gateway", f"User-Agent: {BROWSERS['chromium']}", told) is None


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)",
        "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1",
        "Java-http-client/21", "curl/8.5.0", "python-requests/2.32", "Mozilla/5.0",
    ],
)  # fmt: skip
def test_libraries_with_a_browsers_ancestry_are_no_browsers(agent):
    """Half the world calls itself Mozilla; only browsers name their engine."""
    assert verdict(b"gateway", f"User-Agent: {agent}") is None


ERP = b"https://erp.example"


@pytest.mark.parametrize(
    "lines",
    [
        ("Origin: https://erp.example",),
        ("Origin: https://erp.example", "Sec-Fetch-Site: cross-site"),
        ("Origin: https://erp.example", "Referer: https://erp.example"),
        ("Origin: https://erp.example", "Referer: https://erp.example/"),
        ("Origin: https://erp.example", "Referer: https://erp.example/page?x#y", "Sec-Fetch-Site: same-site"),
        ("Origin: https://erp.example", "Referer:", f"User-Agent: {BROWSERS['chromium']}"),
    ],
)
def test_a_page_of_a_trusted_origin_passes(lines):
    """Its Origin counts for what Fetch Metadata and Referer say of the same page."""
    assert verdict(b"localhost", *lines, origin=ERP) is None


@pytest.mark.parametrize(
    "referer",
    ["https://evil.example/", "https://erp.example.evil.example/", "https://erp.example:444/", "http://erp.example/",
     "https://erp.example@evil.example/", "http://localhost:8480/"],
)  # fmt: skip
def test_a_referer_of_another_page_beside_a_trusted_origin_is_refused(referer):
    """Two pages cannot have caused one request: somebody is making it up."""
    assert verdict(b"localhost", "Origin: https://erp.example", f"Referer: {referer}", origin=ERP) == "browser-refused"


def test_a_trusted_origin_makes_no_exception_from_host():
    """A name that was rebound is refused before anybody asks for the page."""
    assert verdict(b"evil.example", "Origin: https://erp.example", origin=ERP) == "wrong-host"
