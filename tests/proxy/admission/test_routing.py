"""From a request target to a profile and an upstream target, or to a refusal."""

from __future__ import annotations

import pytest

from fla_gateway.access.refusal import Refusal
from fla_gateway.catalog.load import load as load_catalogue
from fla_gateway.catalog.model import shown_service
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.admission.profile_names import name_profiles
from fla_gateway.proxy.admission.routing import Route, RoutingTable, route, service_of

PREFIXES = {b"employer": (), b"narrow": (b"/REST/dimona/v2", b"/REST/newApi/v1/sub")}
TABLE = RoutingTable(PREFIXES)
OWN = RoutingTable({b"employer": ()}, b"employer")
OWN_NARROW = RoutingTable({b"narrow": PREFIXES[b"narrow"]}, b"narrow")


def code(target, table=TABLE):
    """Give the code of a refusal, empty for a route."""
    found = route(target.encode("latin-1"), table)
    return "" if isinstance(found, Route) else found.code


@pytest.mark.parametrize(
    ("target", "upstream"),
    [
        ("/employer/REST/dimona/v2/x", "/REST/dimona/v2/x"),
        ("/employer/REST/", "/REST/"),
        ("/employer/REST/a?b=1&b=2&a=%2F", "/REST/a?b=1&b=2&a=%2F"),
        ("/employer/REST/%C3%A9/a%2Fb", "/REST/%C3%A9/a%2Fb"),
        ("/employer/REST/a//b", "/REST/a//b"),
        ("/employer/REST/a;v=1/b", "/REST/a;v=1/b"),
        ("/employer/REST/a?x=/../y", "/REST/a?x=/../y"),
        ("/employer/REST/a?", "/REST/a?"),
        ("/employer/REST/.well-known/x", "/REST/.well-known/x"),
        ("/employer/REST/a/...", "/REST/a/..."),
        ("/employer/REST/a..b", "/REST/a..b"),
        ("/employer/REST/oauthors/v1", "/REST/oauthors/v1"),
        ("/employer/REST/a/oauth/v5", "/REST/a/oauth/v5"),
        ("/employer/REST/a/oauth/v5?q=caf%C3%A9;x", "/REST/a/oauth/v5?q=caf%C3%A9;x"),
        ("/narrow/REST/dimona/v2", "/REST/dimona/v2"),
        ("/narrow/REST/dimona/v2/x/%C3%A9?a=%2F;b", "/REST/dimona/v2/x/%C3%A9?a=%2F;b"),
        ("/narrow/REST/newApi/v1/sub/x", "/REST/newApi/v1/sub/x"),
    ],
)
def test_the_very_bytes_of_path_and_query_are_forwarded(target, upstream):
    """Nothing is decoded, sorted or normalised."""
    found = route(target.encode(), TABLE)
    assert isinstance(found, Route)
    assert (found.target, found.path) == (upstream.encode(), upstream.partition("?")[0].encode())


@pytest.mark.parametrize(
    "path",
    [
        "/../REST/a", "/REST/../a", "/REST/.", "/REST/./a", "/REST/a/..", "/REST/%2e%2e/a", "/REST/%2E./a",
        "/REST/.%2e", "/REST/%252e%252e/a", "/REST/%25252e./a", "/REST/a%2f..%2fb", "/REST/a/..%5c", "/REST/a\\..\\b",
        "/REST/a/..;x/b", "/REST/a/..;/b", "/REST/%2e%2e;a=b/c", "/REST/a/%3b/..%3b", "/REST/a%00b", "/REST/a%2500",
        "/REST/%c0%ae%c0%ae/a", "/REST/a%c0%af..", "/REST/%C1%9C", "/REST/a#b", "/REST/a?b#c", "/REST/%2e%252e/x",
        "/REST/a%25%32%66..", "/REST/%%32e%%32e/a", "/REST/a/..%20", "/REST/a/%09../b", "/REST/a/.%0d%0a/b",
        "/REST/%ef%bc%8e%ef%bc%8e/a", "/REST/%e2%80%a5/a", "/REST/..%c2%a0/a", "/REST/a%u002fb", "/REST/a%%75002fb",
        "/REST/.%80./a", "/REST/.%e2%80%8b./a",
    ],
)  # fmt: skip
def test_a_path_that_can_be_read_in_two_ways_is_refused(path):
    """Dot segments in every disguise, NUL, overlong forms and fragments, on either kind of listener."""
    assert code(f"/employer{path}") == "ambiguous-path"
    assert code(path, OWN) == "ambiguous-path"


@pytest.mark.parametrize(
    "encoded",
    [
        *(f"%C{digit}{rest}" for digit in "01" for rest in ("%80", "%AF", "%2F", "a", "")),
        *(f"%E0%{byte:02X}%80" for byte in (0x80, 0x81, 0x9F)), *(f"%F0%{byte:02x}%80%80" for byte in (0x80, 0x8F)),
        "%C2", "%C2a", "%DF%2F", "%E2%82", "%E2%82%2F", "%E2%2F%AC", "%E9", "%ED%20", "%F0%9F%98", "%F4a", "%F7%80%80",
        "%F8%88%80%80%80", "%FC%84%80%80%80%80", "%25C0%25AF", "%25E0%2580%25AF", "%E0@o",
    ],
)  # fmt: skip
def test_what_is_no_shortest_and_complete_utf_8_is_refused(encoded):
    """By the rule: a careless decoder makes a slash or a dot out of such bytes, or swallows what follows them."""
    assert code(f"/employer/REST/a{encoded}") == "ambiguous-path"
    assert code(f"/employer/REST/a{encoded}/b") == "ambiguous-path"


@pytest.mark.parametrize(
    "segment",
    [
        "%C3%A9", "%E2%82%AC", "%F0%9F%98%80", "%E0%A4%95", "%DF%BF", "%ED%95%9C", "%EF%BF%BD", "%D0%98.", "%80", "%FF",
        "a%20b", "%20a", "100%25", "%", "%zz", "%2", "%25zz", "caf%C3%A9.%20", "%E2%80%A6", "a%3Fb", "a%23b", "oauth2",
        "oauth-clients", "oauth.v5", "a.oauth", "oauth_x",
    ],
)  # fmt: skip
def test_what_programs_send_passes_where_paths_are_narrowed(segment):
    """Letters of any language, blanks, percent signs and names that only begin like others have one reading."""
    assert code(f"/narrow/REST/dimona/v2/{segment}/x") == ""
    assert code(f"/employer/REST/{segment}/x") == ""


@pytest.mark.parametrize(("layers", "expected"), [(8, ""), (9, "ambiguous-path"), (21, "ambiguous-path")])
def test_a_path_encoded_without_end_is_refused(layers, expected):
    """Decoding goes on until nothing changes, but not for ever: docs/http.md names the bound."""
    assert code("/employer/REST/%" + "25" * (layers - 1) + "61") == expected


@pytest.mark.parametrize(("number", "expected"), [(512, ""), (513, "ambiguous-path"), (20_000, "ambiguous-path")])
@pytest.mark.parametrize("encoded", ["%61", "%25", "%"])
def test_a_path_with_many_percent_signs_is_not_decoded(encoded, number, expected):
    """A path is judged before anybody is asked who he is: 60 KB of them took 25 ms, with all other callers waiting."""
    assert code("/employer/REST/" + encoded * number) == expected
    assert code("/employer/REST/a?" + encoded * number) == ""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("//employer/REST/a", "ambiguous-path"),
        ("//evil.example/REST/a", "ambiguous-path"),
        ("http://localhost/employer/REST/a", "absolute-form"),
        ("localhost:443", "absolute-form"),
        ("*", "not-found"),
        ("/", "unknown-profile"),
        ("/nobody/REST/a", "unknown-profile"),
        ("/Employer/REST/a", "unknown-profile"),
        ("/employer%2FREST/a", "unknown-profile"),
        ("/REST/a", "unknown-profile"),
        ("/-/anything", "not-found"),
        ("/-", "not-found"),
        ("/employer", "not-found"),
        ("/employer/", "not-found"),
        ("/employer/REST", "not-found"),
        ("/employer/rest/a", "not-found"),
        ("/employer//REST/a", "not-found"),
        ("/employer/RESTful/a", "not-found"),
        ("/employer/%52EST/a", "not-found"),
    ],
)
def test_what_is_no_address_of_a_profile(target, expected):
    """Each kind of wrong address has its own code."""
    assert code(target) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/REST/oauth", "/REST/oauth/v5/token", "/REST/OAuth/v5/token", "/REST/%6fauth/v5/token", "/REST/%256fauth/x",
        "/REST//oauth/v5/token", "/REST/oauth;x/v5/token", "/REST/\\oauth/v5", "/REST/%2foauth/v5", "/REST/;/oauth/v5",
        "/REST/oauth?x=1", "/REST/%5Coauth/x", "/REST/x;oauth/v5", "/REST/x%3Boauth",
        "/REST/oauth./v5/token", "/REST/OAUTH.../v5", "/REST/oauth%20/v5", "/REST/oauth%20.%20/v5", "/REST/oauth%09",
        "/REST/%20oauth/v5", "/REST/oauth%C2%A0/v5", "/REST/oauth%A0/v5", "/REST/oauth~1/v5", "/REST/OAUTH~1",
        "/REST/oauth%7e1/v5", "/REST/oauth:$DATA/v5", "/REST/oauth+/v5", "/REST/oauth%zz/v5", "/REST/oauth%",
        "/REST/%EF%BD%8F%EF%BD%81%EF%BD%95%EF%BD%94%EF%BD%88/v5", "/REST/%EF%BC%AF%EF%BC%A1%EF%BC%B5%EF%BC%B4%EF%BC%A8",
        "/REST/o%E2%80%8Bauth/v5", "/REST/o%C2%ADauth/v5", "/REST/%E2%93%9E%E2%93%90%E2%93%A4%E2%93%A3%E2%93%97/v5",
        "/REST/o%CC%81auth/v5", "/REST/%80oauth/v5", "/REST/x%EF%BC%8Foauth/v5", "/REST/%25%36%66auth/v5",
    ],
)  # fmt: skip
def test_the_token_endpoint_is_never_reached(path):
    """However it is written: tokens are the gateway's business."""
    assert code(f"/employer{path}") == "token-endpoint-refused"
    assert code(path, OWN) == "token-endpoint-refused"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/REST/dimona/v2x", "service-not-permitted"),
        ("/REST/dimona/v", "service-not-permitted"),
        ("/REST/dimona", "service-not-permitted"),
        ("/REST/Dimona/v2/x", "service-not-permitted"),
        ("/REST/newApi/v1/su", "service-not-permitted"),
        ("/REST/newApi/v1/subway", "service-not-permitted"),
        ("/REST/dimona/v2%2Fx", "ambiguous-path"),
        ("/REST/dimona/v2/x%25252fx", "ambiguous-path"),
        ("/REST/dimona/v2/a%5cb", "ambiguous-path"),
        ("/REST/dimona/v2;a/x", "ambiguous-path"),
        ("/REST/dimona//v2/x", "ambiguous-path"),
        ("/REST/dimona/v2/\\x", "ambiguous-path"),
        ("/REST/dimona/v2/a%25%32%46b", "ambiguous-path"),
        ("/REST/dimona/v2/a%%32%46b", "ambiguous-path"),
        ("/REST/dimona/v2/a%2%46b", "ambiguous-path"),
        ("/REST/dimona/v2/a%25%35%43b", "ambiguous-path"),
        ("/REST/dimona/v2/a%%35cb", "ambiguous-path"),
        ("/REST/dimona/v2/a%25%33%42b", "ambiguous-path"),
        ("/REST/dimona/v2/a/%2f/b", "ambiguous-path"),
        ("/REST/dimona/v2/a%EF%BC%8Fb", "ambiguous-path"),
        ("/REST/dimona/v2/a%EF%BC%BCb", "ambiguous-path"),
        ("/REST/dimona/v2/a%E2%84%85b", "ambiguous-path"),
        ("/REST/dimona/v2/a%EF%BC%9Bb", "ambiguous-path"),
        ("/REST/dimona/v2/a%EF%BC%852Fb", "ambiguous-path"),
        ("/REST/dimona/v2/a%EF%BC%85%EF%BC%92%EF%BC%A6b", "ambiguous-path"),
    ],
)
def test_a_narrow_profile_ends_at_segments(path, expected):
    """Prefixes end at a segment boundary, and what could lead out of them is refused."""
    assert code(f"/narrow{path}") == expected
    assert code(path, OWN_NARROW) == expected


def test_a_door_of_its_own_serves_one_profile_without_its_name():
    """There the path begins with /REST/, and the name is a path like any other."""
    found = route(b"/REST/a?b", OWN)
    assert found == Route("employer", b"/REST/a?b", b"/REST/a")
    assert code("/employer/REST/a", OWN) == "not-found"


def test_the_service_of_a_path_is_its_second_segment():
    """The unit of a brake; it is logged, so that what may be a person's number or name has none of its own."""
    paths = {b"/REST/dimona/v2/x": "dimona", b"/REST/a": "a", b"/REST/dmfa_2/x": "dmfa_2", b"/REST/ddt12/x": "ddt12"}
    assert {path: service_of(path) for path in paths} == paths
    odd = (b"/REST/", b"/REST/85073003328/x", b"/REST/jan19850730/x", b"/REST/caf\xe9/x", b"/REST/a%20b", b"/REST/a\n")
    assert {shown_service(service_of(path)) for path in odd} == {"(other)"}
    assert len({service_of(path) for path in odd}) == len(odd)
    assert not any("85073003328" in service_of(path) for path in odd)


def test_every_service_of_the_catalogue_has_a_name():
    """No known API shares its brake with others."""
    prefixes = [service.prefix for service in load_catalogue().services if service.prefix]
    assert prefixes
    assert [prefix for prefix in prefixes if service_of(prefix.encode()) != prefix.split("/")[2]] == []


@pytest.mark.parametrize(
    ("path", "names", "said"),
    [
        (
            b"/Employer/REST/a",
            ("employer", "wages"),
            "The nearest is 'employer'. Profiles for this caller: employer, wages.",
        ),
        (b"/zzz/REST/a", ("employer",), " Profiles for this caller: employer."),
        (b"/employer/REST/a", (), ""),
        (b"/a", tuple(f"p{number}" for number in range(12)), "p8, p9, ...."),
    ],
)
def test_an_unknown_profile_names_those_of_the_caller(path, names, said):
    """The nearest first, then what there is for this caller, and nothing where there is nothing."""
    refusal = name_profiles(Refusal("unknown-profile", Text("None.")), path, names)
    assert refusal.code == "unknown-profile"
    assert refusal.detail.endswith(said)
    assert refusal.detail == "None." or names
