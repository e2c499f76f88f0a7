"""The gate by itself: a decision without a pool, and limits that are asked last and apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fla_gateway.access.authentication.api_key import PREFIX, digest
from fla_gateway.access.authentication.authenticator import Authenticator
from fla_gateway.access.bounded_cache import MemoryLimit
from fla_gateway.access.limits.api_brake import ApiBrake
from fla_gateway.access.limits.limiter import Limiter
from fla_gateway.access.refusal import Refusal
from fla_gateway.config.schema import ApiKey, CallerTable, Limits
from fla_gateway.i18n.message import Text
from fla_gateway.proxy.admission.admission_control import AdmissionControl, JudgedProfile, Rejected, enter_limits
from fla_gateway.proxy.admission.request_reader import RequestReader
from fla_gateway.proxy.admission.routing import Route, RoutingTable
from tests.support.tokens import HandClock

LOADING = Refusal("profile-loading", Text("The key is being loaded."), 1)


def judged(profile: Any, *, stopping: bool = False) -> Any:
    """Judge one request for a profile that is no more than what the gate asks for."""
    door = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",)))
    admission_control: AdmissionControl[Any] = AdmissionControl(
        {"employer": profile}, SimpleNamespace(stopping=stopping), None, MemoryLimit()
    )
    request_line = door.request_line(b"GET /employer/REST/dimona/v2/x HTTP/1.1\r\n")
    return admission_control.admit(request_line, door.field_block(b"Host: localhost\r\n\r\n", 1), None, 0.0)


def profile(limiter: Limiter | None = None, refusal: Refusal | None = None) -> Any:
    """Give what the gate sees of a profile."""
    return JudgedProfile("employer", ApiBrake(), limiter, refusal)


def test_a_decision_enters_no_limit():
    """However often it is asked whether a request may go on, nothing counts as running; entering counts once."""
    one = profile(Limiter(Limits(concurrent=1), {}))
    verdicts = [judged(one) for _ in range(5)]
    assert not any(isinstance(it, Rejected) for it in verdicts)
    assert enter_limits(verdicts[0], 0, 0.0) is None
    turned = enter_limits(verdicts[1], 0, 0.0)
    assert turned is not None
    assert (turned.refusal.code, turned.profile) == ("too-many-requests", "employer")


def test_a_profile_without_limits_has_none_to_enter():
    """Where nothing is limited everything goes on."""
    assert enter_limits(judged(profile()), 1_000_000, 0.0) is None


@pytest.mark.parametrize("refusal", [None, LOADING])
def test_the_end_of_the_process_is_said_before_the_state_of_the_profile(refusal):
    """While the gateway is being stopped that is the answer, whatever the profile is."""
    assert judged(profile(refusal=refusal), stopping=True).refusal.code == "stopping"
    if refusal is not None:
        assert judged(profile(refusal=refusal)).refusal is refusal


def test_what_was_admitted_while_a_caller_was_observed_is_not_admitted_after_its_end():
    """A head that comes again is judged anew from the end of `observe_until` on, although its proof still holds."""
    clock, key = HandClock(monotonic=0.0), f"{PREFIX}{'1a' * 32}"
    observed = CallerTable(
        keys=[ApiKey(sha256=digest(key))], allow={"employer": ["GET /REST/other"]}, observe_until=clock.wall() + 30
    )
    reader, memory = RequestReader(RoutingTable({b"employer": ()}), frozenset((b"localhost",))), MemoryLimit()
    control: AdmissionControl[Any] = AdmissionControl(
        {"employer": profile()}, SimpleNamespace(stopping=False), Authenticator({"erp": observed}, None, clock, 0, 0),
        memory,
    )  # fmt: skip
    head = reader.head(f"GET /employer/REST/x HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}".encode())
    verdicts = []
    for seconds in (0, 29, 2):
        clock.advance(seconds)
        verdicts.append(control.admit(head.request_line, head.fields, None, clock.monotonic()))
    assert [isinstance(it, Rejected) for it in verdicts] == [False, False, True]


@pytest.mark.parametrize(
    ("profiles", "code"),
    [
        ({}, "unknown-profile"),
        ({"employer": profile(refusal=LOADING)}, "profile-loading"),
        ({"employer": profile()}, None),
    ],
)
def test_a_request_that_waited_is_sent_only_if_its_profile_is_served_now(profiles, code):
    """The profiles of the generation in force decide, not those of the one that admitted it."""
    control: AdmissionControl[Any] = AdmissionControl(profiles, SimpleNamespace(stopping=False), None, MemoryLimit())
    refusal = control.refusal_now(b"GET", Route("employer", b"/REST/x", b"/REST/x"), None, None, 0.0)
    assert (None if refusal is None else refusal.code) == code
