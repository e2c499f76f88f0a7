"""Routing: whatever is accepted means one place to every kind of reader behind the gateway."""

from __future__ import annotations

from itertools import product
from urllib.parse import unquote_to_bytes

from hypothesis import example, given
from hypothesis import strategies as st

from fla_gateway.access.refusal import Refusal
from fla_gateway.proxy.admission.routing import Route, RoutingTable, route
from tests.support.properties import BOUNDED, examples

PREFIX = b"/REST/dimona/v2"
TABLE = RoutingTable({b"employer": (), b"narrow": (PREFIX,)})

# What paths are taken apart with, plain and in every disguise.
ATOMS = (
    b"/", b"/", b"//", b"\\", b"%2f", b"%2F", b"%5c", b"%252f", b"%c0%af", b".", b"..", b"%2e", b"%2E%2e", b"%252e",
    b"%25%32%65", b"%c0%ae", b";", b";x=1", b"%3b", b"%", b"%25", b"%00", b"#", b"?", b"~", b"REST", b"rest", b"%52EST",
    b"oauth", b"OAuth", b"%6fauth", b"%256fauth", b"o%61uth", b"dimona", b"v2", b"v20", b"a", b"%C3%A9", b"%zz", b"%2",
)  # fmt: skip
STARTS = (b"/employer/REST/", b"/narrow/REST/dimona/v2", b"/narrow/REST/", b"/employer/", b"/employer", b"/", b"")
below = st.tuples(st.sampled_from((b"", b"/", b"/a")), st.lists(st.sampled_from(ATOMS), max_size=2).map(b"".join))
narrowed = below.map(lambda parts: b"/narrow" + PREFIX + b"".join(parts))
few = st.lists(st.sampled_from(ATOMS), max_size=4).map(b"".join)
endpoint = st.sampled_from((b"oauth", b"OAuth", b"%6fauth", b"%256fauth", b"o%61uth"))
disguised = st.tuples(st.just(b"/employer/REST/"), few, endpoint, few).map(b"".join)
targets = st.tuples(st.sampled_from(STARTS), st.lists(st.sampled_from(ATOMS), max_size=7).map(b"".join)).map(b"".join)


def readings(path: bytes) -> set[tuple[bytes, ...]]:
    """Read a path as servers do.

    Decoded 0 to 3 times; parameters never cut, or before, between or after the decodings; backslashes left alone, or
    taken for slashes at every step, or at the end alone.
    """
    found = set()
    for times, backslashes in product(range(4), ("never", "always", "last")):
        for cut_at in (None, *range(times + 1)):
            text = path
            for step in range(times + 1):
                text = unquote_to_bytes(text) if step else text
                text = text.replace(b"\\", b"/") if backslashes == "always" else text
                text = _without_parameters(text) if step == cut_at else text
            text = text.replace(b"\\", b"/") if backslashes == "last" else text
            found.add(tuple(_resolved(text.split(b"/"))))
    return found


def _without_parameters(path: bytes) -> bytes:
    return b"/".join(segment.partition(b";")[0] for segment in path.split(b"/"))


def _resolved(segments: list[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment not in {b"", b"."}:
            kept.append(segment)
    return kept


@BOUNDED
@given(targets)
def test_what_is_forwarded_is_the_callers_own_bytes(target: bytes) -> None:
    """An accepted target is forwarded without its first segment and otherwise byte for byte."""
    found = route(target, TABLE)
    if isinstance(found, Route):
        assert target == b"/" + found.profile.encode() + found.target
        assert found.target.startswith(b"/REST/")
        assert found.path == found.target.partition(b"?")[0]


@examples(80)
@given(st.one_of(targets, disguised))
@example(b"/employer/REST/;\\x/oauth/v5/token")
@example(b"/employer/REST/;x%2Fy/oauth/v5/token")
def test_no_reader_finds_the_token_endpoint(target: bytes) -> None:
    """However the API's servers decode, cut and resolve: no accepted path is under /REST/oauth/."""
    found = route(target, TABLE)
    if isinstance(found, Route):
        for segments in readings(found.path):
            assert tuple(part.lower() for part in segments[:2]) != (b"rest", b"oauth")


@BOUNDED
@given(targets)
def test_no_reader_climbs(target: bytes) -> None:
    """However it is read, an accepted path begins with REST and resolves no dot segment."""
    found = route(target, TABLE)
    if isinstance(found, Route):
        for segments in readings(found.path):
            assert segments[:1] == (b"REST",)
        plain = found.path
        for _ in range(4):
            assert not {b".", b".."} & set(plain.replace(b"\\", b"/").split(b"/"))
            plain = unquote_to_bytes(plain)


@BOUNDED
@given(st.one_of(targets, narrowed))
def test_no_reader_leaves_a_narrowed_prefix(target: bytes) -> None:
    """However it is read, a path accepted for a narrowed profile is the prefix or below it."""
    found = route(target, TABLE)
    if isinstance(found, Route) and found.profile == "narrow":
        for segments in readings(found.path):
            assert segments[:3] == (b"REST", b"dimona", b"v2")


@BOUNDED
@given(st.binary(max_size=30).map(lambda rest: b"/employer/REST/" + rest))
def test_any_bytes_give_a_route_or_a_refusal(target: bytes) -> None:
    """No target raises; the same target on a listener of the profile's own gives the same verdict."""
    common = route(target, TABLE)
    direct = route(target.removeprefix(b"/employer"), RoutingTable({b"employer": ()}, b"employer"))
    assert common == direct or (isinstance(common, Refusal) and isinstance(direct, Refusal))


@BOUNDED
@given(st.lists(st.sampled_from((b"a", b"dimona", b"v2", b"x-1", b"caf%C3%A9", b"a.b", b"..c", b"~")), min_size=1))
def test_ordinary_paths_are_accepted(segments: list[bytes]) -> None:
    """A path of plain segments is forwarded, its query whatever it is."""
    path = b"/REST/" + b"/".join(segments)
    assert route(b"/employer" + path + b"?q=../%2F;#"[:-1], TABLE) == Route("employer", path + b"?q=../%2F;", path)
