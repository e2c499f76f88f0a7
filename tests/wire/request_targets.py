"""Data: targets, hosts and browsers: where a request may go and who may have caused it."""

from __future__ import annotations

from tests.wire.vector import Outcome, Reaches, Vector, get, message, refused

BEARER_DOOR = (400, 403, 404)
AMBIGUOUS = refused(400, code="ambiguous-path malformed-request", closes=None)


def _target(name: str, target: bytes, *outcomes: Outcome, why: str) -> Vector:
    return Vector(f"target-{name}", why, get(target=target), (outcomes,))


def _dots(name: str, path: bytes) -> Vector:
    why = "design: a path that decodes to a dot segment; CVE-2019-9901"
    return _target(f"dots-{name}", b"/employer/REST/a/" + path, AMBIGUOUS, why=why)


def _kept(name: str, rest: bytes, why: str = "design: the same bytes of path and query") -> Vector:
    return _target(f"kept-{name}", b"/employer" + rest, Reaches(target=rest), why=why)


TRAVERSALS = (
    _dots("plain", b"../b"),
    _dots("plain-last", b".."),
    _dots("single", b"./b"),
    _dots("single-last", b"."),
    _dots("encoded", b"%2e%2e/b"),
    _dots("encoded-upper", b"%2E%2E/b"),
    _dots("half-encoded", b".%2e/b"),
    _dots("other-half-encoded", b"%2e./b"),
    _dots("single-encoded", b"%2e/b"),
    _dots("twice-encoded", b"%252e%252e/b"),
    _dots("thrice-encoded", b"%25252e%25252e/b"),
    _dots("nine-times-encoded", b"%25252525252525252e%25252525252525252e/b"),
    _dots("encoded-percent-parts", b"%25%32%65%25%32%65/b"),
    _dots("encoded-slash", b"..%2fb"),
    _dots("encoded-slash-before", b"x%2f..%2fb"),
    _dots("twice-encoded-slash", b"..%252fb"),
    _dots("backslash", b"..\\b"),
    _dots("encoded-backslash", b"..%5cb"),
    _dots("encoded-backslash-before", b"x%5c..%5cb"),
    _dots("parameter", b"..;/b"),
    _dots("parameter-value", b"..;a=b/c"),
    _dots("encoded-parameter", b"..%3b/b"),
    _dots("parameter-single", b".;/b"),
    _target("front-double-slash", b"//employer/REST/a", AMBIGUOUS, why="design: // at the front"),
    _target("front-double-slash-host", b"//evil.example/REST/a", AMBIGUOUS, why="design: // at the front; SSRF"),
    _target("fragment", b"/employer/REST/a#b", AMBIGUOUS, why="RFC 9112 3.2: no fragment; GHSA-pxq7-h93f-9jrg"),
    _target("fragment-in-query", b"/employer/REST/a?b#c", AMBIGUOUS, why="RFC 9112 3.2: no fragment"),
    _target("encoded-nul", b"/employer/REST/a%00b", AMBIGUOUS, why="design: NUL"),
    _target("twice-encoded-nul", b"/employer/REST/a%2500b", AMBIGUOUS, why="design: NUL, decoded until stable"),
    _target(
        "dots-before-the-profile",
        b"/x/../employer/REST/a",
        refused(400, 404, closes=None),
        why="CVE-2019-9901: no normalising",
    ),
    _target(
        "dots-to-another-profile",
        b"/narrow/../employer/REST/a",
        refused(400, 403, 404, closes=None),
        why="CVE-2019-9901: no normalising",
    ),
    _target(
        "broken-escape",
        b"/employer/REST/a%zz",
        AMBIGUOUS,
        Reaches(target=b"/REST/a%zz"),
        why="RFC 3986 2.1: refused or the same bytes",
    ),
    _target(
        "cut-escape",
        b"/employer/REST/a%2",
        AMBIGUOUS,
        Reaches(target=b"/REST/a%2"),
        why="RFC 3986 2.1: refused or the same bytes",
    ),
    _kept("encoded-slash", b"/REST/a%2Fb"),
    _kept("encoded-utf8", b"/REST/caf%C3%A9"),
    _kept("lower-escapes", b"/REST/caf%c3%a9"),
    _kept("double-slash-inside", b"/REST/a//b"),
    _kept("parameters", b"/REST/a;v=1/b;v=2"),
    _kept("query", b"/REST/a?b=1&b=2&a=%2F&&c"),
    _kept("empty-query", b"/REST/a?"),
    _kept("query-dots", b"/REST/a?b=../../c&d=%2e%2e", "dot segments of a query mean nothing"),
    _kept("query-question", b"/REST/a?b?c"),
    _kept("query-url", b"/REST/a?u=https://evil.example/x"),
    _kept("dots-in-a-word", b"/REST/a..b/...x/.well/y."),
    _kept("three-dots", b"/REST/a/.../b"),
    _kept("sub-delims", b"/REST/a!$&'()*+,=:@-._~/b"),
)

FORMS = (
    _target(
        "absolute-official",
        b"https://services.socialsecurity.be/REST/a",
        refused(400, code="absolute-form", closes=None),
        why="design: absolute-form is refused; SSRF",
    ),
    _target(
        "absolute-own", b"http://localhost/employer/REST/a", refused(400, closes=None), why="design: absolute-form"
    ),
    _target(
        "absolute-upper", b"HTTP://localhost/employer/REST/a", refused(400, closes=None), why="design: absolute-form"
    ),
    _target("absolute-file", b"file:///etc/passwd", refused(400, closes=None), why="design: absolute-form"),
    _target("authority", b"localhost:443", refused(400, closes=None), why="RFC 9112 3.2.3: only with CONNECT"),
    _target("relative", b"employer/REST/a", refused(400, closes=None), why="RFC 9112 3.2.1: begins with a slash"),
    _target("userinfo", b"@evil.example/REST/a", refused(400, closes=None), why="SSRF by string concatenation"),
    _target("query-only", b"?a=b", refused(400, closes=None), why="RFC 9112 3.2.1: absolute-path"),
    _target("backslash-front", b"\\employer\\REST\\a", refused(400, closes=None), why="RFC 9112 3.2.1"),
)

ROUTES = (
    _target("root", b"/", refused(404, closes=None), why="design: nothing there"),
    _target("profile-alone", b"/employer", refused(404, closes=None), why="design: only /REST/"),
    _target("profile-slash", b"/employer/", refused(404, closes=None), why="design: only /REST/"),
    _target("profile-unknown", b"/nobody/REST/a", refused(404, code="unknown-profile", closes=None), why="design"),
    _target("profile-case", b"/Employer/REST/a", refused(404, closes=None), why="names are compared byte for byte"),
    _target("profile-encoded", b"/%65mployer/REST/a", refused(400, 404, closes=None), why="match the bytes forwarded"),
    _target("profile-prefix", b"/employerx/REST/a", refused(404, closes=None), why="segment boundary"),
    _target(
        "profile-parameter", b"/employer;x/REST/a", refused(400, 404, closes=None), why="match the bytes forwarded"
    ),
    _target("profile-in-query", b"/?/employer/REST/a", refused(404, closes=None), why="a query routes nothing"),
    _target("own-door", b"/-/anything", refused(404, closes=None), why="design: /-/ is the gateway's own"),
    _target("not-rest", b"/employer/other/a", refused(403, 404, closes=None), why="design: only /REST/"),
    _target("rest-case", b"/employer/rest/a", refused(403, 404, closes=None), why="paths are case-sensitive"),
    _target("rest-encoded", b"/employer/%52EST/a", refused(*BEARER_DOOR, closes=None), why="match the bytes forwarded"),
    _target("rest-boundary", b"/employer/RESTful/a", refused(403, 404, closes=None), why="segment boundary"),
    _target(
        "rest-double-slash", b"/employer//REST/a", refused(*BEARER_DOOR, closes=None), why="match the bytes forwarded"
    ),
    _target("rest-alone", b"/employer/REST", refused(*BEARER_DOOR, closes=None), why="design: /REST/..."),
)


def _door(name: str, path: bytes) -> Vector:
    why = "design: /REST/oauth/ is never forwarded, however it is written"
    return _target(f"oauth-{name}", b"/employer" + path, refused(*BEARER_DOOR, closes=None), why=why)


TOKEN_DOOR = (
    Vector(
        "target-oauth-plain",
        "design: /REST/oauth/ is never forwarded",
        get(target=b"/employer/REST/oauth/v5/token"),
        (refused(403, code="token-endpoint-refused", closes=None),),
    ),
    _door("alone", b"/REST/oauth"),
    _door("query", b"/REST/oauth?x=y"),
    _door("encoded", b"/REST/%6fauth/v5/token"),
    _door("encoded-all", b"/REST/%6f%61%75%74%68/v5/token"),
    _door("twice-encoded", b"/REST/%256fauth/v5/token"),
    _door("thrice-encoded", b"/REST/%25256fauth/v5/token"),
    _door("upper", b"/REST/OAUTH/v5/token"),
    _door("mixed", b"/REST/oAuth/v5/token"),
    _door("double-slash", b"/REST//oauth/v5/token"),
    _door("triple-slash", b"/REST///oauth/v5/token"),
    _door("parameter", b"/REST/oauth;x=y/v5/token"),
    _door("encoded-parameter", b"/REST/oauth%3Bx/v5/token"),
    _door("parameter-before", b"/REST/;x/oauth/v5/token"),
    _door("encoded-slash", b"/REST/oauth%2Fv5%2Ftoken"),
    _door("encoded-slash-before", b"/REST%2Foauth/v5/token"),
    _door("encoded-slash-front", b"/REST/%2Foauth/v5/token"),
    _door("backslash", b"/REST/oauth\\v5\\token"),
    _door("encoded-backslash", b"/REST/oauth%5Cv5%5Ctoken"),
    _door("encoded-backslash-front", b"/REST/%5Coauth/v5/token"),
    _door("parameter-encoded-slash", b"/REST/;x%2Fy/oauth/v5/token"),
    _door("parameter-twice-encoded-slash", b"/REST/;x%252Fy/oauth/v5/token"),
    _door("parameter-backslash", b"/REST/;\\x/oauth/v5/token"),
    _door("parameter-encoded-backslash", b"/REST/;%5Cx/oauth/v5/token"),
    _door("by-dots", b"/REST/a/../oauth/v5/token"),
    _door("by-encoded-dots", b"/REST/a%2f%2e%2e%2foauth/v5/token"),
    _door("by-single-dot", b"/REST/./oauth/v5/token"),
    _kept("oauth-boundary", b"/REST/oauthorities/v1"),
    _kept("oauth-later", b"/REST/a/oauth/v5/token"),
)


def _narrow(name: str, path: bytes, *statuses: int) -> Vector:
    why = "design: prefixes end at a segment; %2F %5C ; // are 400 where paths are narrowed"
    return _target(f"narrow-{name}", b"/narrow" + path, refused(*statuses, closes=None), why=why)


NARROWED = (
    _narrow("other-service", b"/REST/echo", 403),
    _narrow("boundary", b"/REST/dimona/v20/a", 403),
    _narrow("parent", b"/REST/dimona", 403),
    _narrow("case", b"/REST/Dimona/v2/a", 403),
    _narrow("dots", b"/REST/dimona/v2/../../echo", 400),
    _narrow("encoded-slash", b"/REST/dimona/v2%2Fa", 400),
    _narrow("encoded-slash-inside", b"/REST/dimona/v2/a%2fb", 400),
    _narrow("encoded-backslash", b"/REST/dimona/v2/a%5Cb", 400),
    _narrow("parameter", b"/REST/dimona/v2;a/b", 400),
    _narrow("parameter-inside", b"/REST/dimona/v2/a;b", 400),
    _narrow("double-slash", b"/REST/dimona//v2/a", 400),
    _narrow("double-slash-inside", b"/REST/dimona/v2//a", 400),
    _target("narrow-itself", b"/narrow/REST/dimona/v2", Reaches(target=b"/REST/dimona/v2"), why="a prefix is itself"),
    _target("narrow-below", b"/narrow/REST/dimona/v2/a", Reaches(target=b"/REST/dimona/v2/a"), why="below the prefix"),
    _target(
        "narrow-query",
        b"/narrow/REST/dimona/v2/a?b=;//%2F",
        Reaches(target=b"/REST/dimona/v2/a?b=;//%2F"),
        why="the query is not the path",
    ),
)


def _host(name: str, *lines: bytes, statuses: tuple[int, ...] = (400, 421), why: str = "RFC 9112 3.2") -> Vector:
    raw = message(b"GET /employer/REST/echo HTTP/1.1", *lines)
    return Vector(f"host-{name}", why, raw, (refused(*statuses, closes=None),))


REBINDING = "DNS rebinding: CVE-2025-66414, GHSA-9h52-p55h-vw2f"
HOSTS = (
    _host("missing", statuses=(400,)),
    _host("twice", b"Host: localhost", b"Host: localhost", statuses=(400,)),
    _host("twice-differing", b"Host: localhost", b"Host: evil.example", statuses=(400,)),
    _host("twice-case", b"Host: localhost", b"hOST: localhost", statuses=(400,)),
    _host("empty", b"Host:"),
    _host("list", b"Host: localhost, localhost"),
    _host("space", b"Host: local host"),
    _host("tab", b"Host: localhost\tevil"),
    _host("userinfo", b"Host: evil@localhost"),
    _host("path", b"Host: localhost/x"),
    _host("query", b"Host: localhost?x"),
    _host("fragment", b"Host: localhost#x"),
    _host("backslash", b"Host: localhost\\evil.example"),
    _host("scheme", b"Host: http://localhost"),
    _host("latin1", b"Host: localh\xf6st"),
    _host("encoded", b"Host: localhos%74"),
    _host("port-letters", b"Host: localhost:http"),
    _host("port-huge", b"Host: localhost:99999999999"),
    _host("port-two", b"Host: localhost:80:80"),
    _host("port-minus", b"Host: localhost:-80"),
    _host("port-wrong", b"Host: localhost:1", why=REBINDING),
    _host("foreign", b"Host: evil.example", statuses=(421,), why=REBINDING),
    _host("official", b"Host: services.socialsecurity.be", statuses=(421,), why=REBINDING),
    _host("suffix", b"Host: localhost.evil.example", statuses=(421,), why=REBINDING),
    _host("prefix", b"Host: evil-localhost", statuses=(421,), why=REBINDING),
    _host("wildcard-dns", b"Host: 127.0.0.1.nip.io", statuses=(421,), why=REBINDING),
    _host("zero", b"Host: 0.0.0.0", statuses=(421,), why=REBINDING),
    _host("short-loopback", b"Host: 127.1", statuses=(421,), why=REBINDING),
    _host("decimal-loopback", b"Host: 2130706433", statuses=(421,), why=REBINDING),
    _host("mapped-loopback", b"Host: [::ffff:127.0.0.1]", statuses=(421,), why=REBINDING),
    _host("bracket-open", b"Host: [::1"),
    _host(
        "forwarded-does-not-help",
        b"Host: evil.example",
        b"X-Forwarded-Host: localhost",
        statuses=(421,),
        why="CVE-2026-40575",
    ),
    Vector("host-upper", "RFC 9110 4.2.3", get(host=b"Host: LOCALHOST"), (Reaches(),)),
    Vector("host-address", "design: loopback names", get(host=b"Host: 127.0.0.1"), (Reaches(),)),
    Vector("host-no-space", "RFC 9112 5: OWS", get(host=b"host:localhost"), (Reaches(),)),
    Vector("host-tabs", "RFC 9112 5: OWS", get(host=b"HOST:\tlocalhost \t"), (Reaches(),)),
    Vector(
        "host-missing-in-http-1.0",
        "design: HTTP/1.0 without Host is exempt",
        message(b"GET /employer/REST/echo HTTP/1.0"),
        (Reaches(closes=True),),
    ),
    Vector(
        "host-foreign-in-http-1.0",
        REBINDING,
        message(b"GET /employer/REST/echo HTTP/1.0", b"Host: evil.example"),
        (refused(421),),
    ),
    Vector(
        "host-twice-in-http-1.0",
        "RFC 9112 3.2",
        message(b"GET /employer/REST/echo HTTP/1.0", b"Host: localhost", b"Host: localhost"),
        (refused(400),),
    ),
)


def _page(name: str, *lines: bytes) -> Vector:
    why = "design: requests that a page in a browser causes"
    return Vector(f"browser-{name}", why, get(*lines), (refused(403, code="browser-refused", closes=None),))


BROWSERS = (
    _page("origin", b"Origin: https://evil.example"),
    _page("origin-null", b"Origin: null"),
    _page("origin-own", b"Origin: http://localhost"),
    _page("origin-empty", b"Origin:"),
    _page("origin-nominated", b"Connection: origin", b"Origin: https://evil.example"),
    _page("origin-case", b"ORIGIN: https://evil.example"),
    _page("site-cross", b"Sec-Fetch-Site: cross-site"),
    _page("site-same-site", b"Sec-Fetch-Site: same-site"),
    _page("site-unknown", b"Sec-Fetch-Site: nonsense"),
    _page("site-twice", b"Sec-Fetch-Site: none", b"Sec-Fetch-Site: cross-site"),
    _page("site-list", b"Sec-Fetch-Site: none, cross-site"),
    _page("referer", b"Referer: https://evil.example/page"),
    _page("referer-suffix", b"Referer: http://localhost.evil.example/"),
    _page("referer-userinfo", b"Referer: http://localhost@evil.example/"),
    _page("referer-twice", b"Referer: http://localhost/", b"Referer: https://evil.example/"),
    _page("with-a-bearer", b"Origin: https://evil.example", b"Authorization: Bearer x", b"X-Api-Key: y"),
    _page("websocket", b"Connection: Upgrade", b"Upgrade: websocket", b"Origin: https://evil.example"),
    Vector(
        "browser-preflight",
        "design: requests that a page in a browser causes",
        message(
            b"OPTIONS /employer/REST/echo HTTP/1.1",
            b"Host: localhost",
            b"Origin: https://evil.example",
            b"Access-Control-Request-Method: POST",
        ),
        (refused(403, code="browser-refused", closes=None),),
    ),
    Vector("browser-none", "the user typed it", get(b"Sec-Fetch-Site: none"), (Reaches(),)),
    Vector("browser-same-origin", "design", get(b"Sec-Fetch-Site: same-origin"), (Reaches(),)),
)

VECTORS = TRAVERSALS + FORMS + ROUTES + TOKEN_DOOR + NARROWED + HOSTS + BROWSERS
