"""Statuses to show: a calm gateway, one in trouble, one that nobody has used, and one full of hostile texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fla_gateway.admin.status.call_status import Call, Doubt, Doubts, UnknownCallsStatus, UnknownPeerStatus
from fla_gateway.admin.status.gateway_status import (
    CallerStatus,
    ClockStatus,
    ConfigurationStatus,
    DoorStatus,
    ExpiryStatus,
    JournalStatus,
    KeyStatus,
    ListenerStatus,
    Status,
)
from fla_gateway.admin.status.profile_status import (
    BrakeStatus,
    CertificateStatus,
    FailingApiStatus,
    Failure,
    FindingStatus,
    Minute,
    NegotiationStatus,
    PoolStatus,
    ProfileStatus,
    TokenStatus,
)
from fla_gateway.errors import Fault
from fla_gateway.i18n.message import Message, Text

NOW = datetime(2026, 11, 23, 14, 10, 30, tzinfo=UTC)
HOSTILE = "<script>alert('xss')</script><img src=x onerror=alert(1)>\"' {{ 7*7 }}"

ONLY_IN_PRODUCTION = Message(
    "service-not-in-environment",
    "{service} is not known to exist in {environment}, only in {known}",
    service="ebox",
    environment="simulation",
    known="production",
)


def ago(**units: float) -> datetime:
    """Give a moment before `NOW`."""
    return NOW - timedelta(**units)


def request_id(number: int) -> str:
    """Give the request id of a sample."""
    return str(UUID(int=0xFACE << 112 | number, version=4))


def minutes(*, failing: bool = False) -> tuple[Minute, ...]:
    """Give an hour of traffic with a shape that is worth looking at."""
    return tuple(
        Minute(
            NOW - timedelta(minutes=59 - index),
            answered=(index * 7 % 11) * (3 if 20 < index < 45 else 1),
            refused=4 if index in {18, 30, 31} else 0,
            failed=(index - 50) * 2 if failing and index > 50 else int(index == 12),
        )
        for index in range(60)
    )


def token(**changes: object) -> TokenStatus:
    """Give the token of a profile that is well."""
    healthy = TokenStatus("fresh", ago(minutes=5), NOW + timedelta(minutes=55), NOW + timedelta(minutes=30))
    return replace(healthy, **changes)  # type: ignore[arg-type]  # a sample's changes are what the test says


def negotiation(**changes: object) -> NegotiationStatus:
    """Give a negotiation that brought a token."""
    granted = NegotiationStatus(
        time=ago(minutes=4),
        endpoint="https://services.socialsecurity.be/REST/oauth/v5/token",
        environment="production",
        header={"alg": "RS256", "typ": "JWT"},
        claims={"iss": "client-7", "exp": 1_795_702_230},
        certificate="ab" * 32,
        certificate_ends=NOW + timedelta(days=400),
        clock_offset=0.0,
        clock_sample=-0.4,
        phases={"dns": 0.002, "tcp": 0.011, "tls": 0.031, "request": 0.0, "response": 0.12},
        status=200,
        fields={"content-type": "application/json"},
        result="granted",
        detail="",
        error="",
        scope="scope:a",
        lifetime=600.0,
    )
    return replace(granted, **changes)  # type: ignore[arg-type]  # names and types are those of the class


def profile(name: str = "employer", **changes: object) -> ProfileStatus:
    """Give a production profile that is well and used."""
    healthy = ProfileStatus(
        name=name,
        environment="production",
        production=True,
        borrows_production=False,
        client_id="self_service_chaman_123456_78912",
        api="services.socialsecurity.be",
        token_server="https://services.socialsecurity.be/REST/oauth/v5/token",
        served=True,
        token=token(),
        certificate=CertificateStatus("CN=employer,O=Acme NV,C=BE", NOW + timedelta(days=212), 212),
        in_flight=2,
        pool=PoolStatus(3, 2, 0, 0),
        last_success=ago(seconds=12),
        last_failure=Failure(ago(minutes=48), status=503, outcome="answered"),
        negotiations=(negotiation(),),
        minutes=minutes(),
    )
    return replace(healthy, **changes)  # type: ignore[arg-type]  # as above


def simulation(name: str = "test", **changes: object) -> ProfileStatus:
    """Give a simulation profile that nobody has called."""
    fresh = profile(
        name,
        environment="simulation",
        production=False,
        borrows_production=True,
        api="services-sim.socialsecurity.be",
        in_flight=0,
        last_success=None,
        last_failure=None,
        minutes=(),
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]  # as above


def call(number: int, **changes: object) -> Call:
    """Give a call that was answered."""
    answered = Call(
        ago(seconds=12 + 7 * number),
        request_id(number),
        "payroll",
        "employer",
        "GET",
        "/REST/dimona/v2/declarations/~3f2a91bb07c1",
        200,
        "upstream",
        "",
        "answered",
        0.084 + number / 50,
    )
    return replace(answered, **changes)  # type: ignore[arg-type]  # as above


def calm(**changes: object) -> Status:
    """Give a gateway that is well, with callers and a journal."""
    status = Status(
        time=NOW,
        version="0.3.0",
        compiled=False,
        state="serving",
        started=ago(days=3, hours=2),
        configuration=ConfigurationStatus(("/etc/fla-gateway/gateway.toml",), "9f3b1c55e0d1" * 5),
        listeners=(ListenerStatus("127.0.0.1:8480"), ListenerStatus("[::1]:8480")),
        callers=(
            CallerStatus(
                "payroll", ("key",), (KeyStatus("1a2b3c4d", NOW + timedelta(days=200)),), ("employer", "test")
            ),
        ),
        door=DoorStatus(4, 2, limited=False),
        profiles=(profile(), simulation()),
        recent=tuple(call(number) for number in range(6)),
        doubts=Doubts(0, ago(days=3)),
        journal=JournalStatus(failing=False, lost=0, lag_seconds=0.2, records=18_204, head="ab" * 32),
    )
    return replace(status, **changes)  # type: ignore[arg-type]  # as above


def _broken() -> ProfileStatus:
    return profile(
        "broken",
        served=False,
        why_not="the file /etc/fla-gateway/acme.pfx cannot be opened: the password is wrong (check password_file)",
        token=None,
        certificate=None,
        pool=None,
        in_flight=0,
        last_success=None,
        last_failure=None,
        minutes=(),
    )


def _troubled_profiles() -> tuple[ProfileStatus, ...]:
    refused = Failure(
        ago(minutes=2),
        "token-refused",
        detail="The token server answered 401 with invalid_client: unknown client, or certificate not registered.",
    )
    return (
        profile(
            last_success=ago(minutes=13),
            last_failure=Failure(ago(minutes=1), status=503, outcome="answered"),
            minutes=minutes(failing=True),
            brakes=(
                BrakeStatus("dimona", "api", NOW + timedelta(minutes=2)),
                BrakeStatus("ebox", "token", NOW + timedelta(minutes=4)),
            ),
            failing=(
                FailingApiStatus("dimona", "503", ago(minutes=9), ago(minutes=1), 12),
                FailingApiStatus("ebox", "missing-scope", ago(hours=1), ago(hours=1), 1),
            ),
            certificate=CertificateStatus("CN=employer,O=Acme NV,C=BE", NOW + timedelta(days=19), 19),
        ),
        profile(
            "wages",
            token=TokenStatus("none", None, None, NOW + timedelta(seconds=40), 40, 4, refused),
            finding=FindingStatus(
                "token", "The token server grants a token", "fatal",
                "The token server answered 400 invalid_client.", "A guess.", "Compare.", "docs/doctor.md#token",
            ),
            certificate=CertificateStatus("CN=wages", NOW + timedelta(days=3), 3),
        ),
        simulation("test", token=token(failures=2, last_failure=replace(refused, code="token-timeout", detail="")),
            negotiations=(
                negotiation(result="cut", status=0, certificate="", phases={"dns": 0.01, "tcp": 7.4}),
                negotiation(result="token-refused", status=400, error="invalid_client"),
            )),
        simulation("old", certificate=CertificateStatus("CN=old", ago(days=4), -4)),
        _broken(),
    )  # fmt: skip


def _calls_that_failed() -> tuple[Call, ...]:
    return (
        call(0, status=503, method="POST", path="/REST/dimona/v2/declarations"),
        call(1, status=403, origin="gateway", code="caller-not-permitted", outcome="refused"),
        call(2, status=0, origin="network", outcome="caller-gone", caller=""),
        call(3, status=504, origin="network", code="api-timeout", outcome="unknown", method="POST", seconds=60.2),
        call(4),
    )


def _doubts() -> Doubts:
    return Doubts(
        2,
        ago(days=3),
        (
            Doubt(
                ago(minutes=1),
                request_id(0),
                "payroll",
                "employer",
                "POST",
                "/REST/dimona/v2/declarations",
                "server-error",
                "client 4711, IN of 23 November",
            ),
            Doubt(ago(hours=30), request_id(3), "", "employer", "PUT", "/REST/dimona/v2/relations", "no-outcome"),
        ),
    )


def failing() -> Status:
    """Give a gateway with every kind of trouble."""
    return calm(
        profiles=_troubled_profiles(),
        recent=_calls_that_failed(),
        doubts=_doubts(),
        journal=JournalStatus(failing=True, lost=3, lag_seconds=12.0, records=18_204),
        door=DoorStatus(1024, 40, limited=True),
        unknown_callers=UnknownCallsStatus(
            12, ago(minutes=3), "credentials-refused", 1001, (UnknownPeerStatus("127.0.0.1", 12, ago(minutes=3)),)
        ),
        clocks=(ClockStatus("https://services.socialsecurity.be", -3600.4),),
        ends=(
            ExpiryStatus("caller-key", "payroll 1a2b3c4d", ago(days=1), -1),
            ExpiryStatus("listener-certificate", "0.0.0.0:8443", NOW + timedelta(days=5), 5),
            ExpiryStatus("certificate", "acme", NOW + timedelta(days=19), 19, ("employer",)),
        ),
        configuration=ConfigurationStatus(
            ("/etc/fla-gateway/gateway.toml", "/etc/fla-gateway/profiles.d/acme.toml"),
            "9f3b1c55e0d1" * 5,
            (Fault("profiles.test.services[0]", ONLY_IN_PRODUCTION),),
        ),
    )  # fmt: skip


def unused() -> Status:
    """Give a gateway that has just started, without callers, journal and traffic."""
    starting = simulation(token=TokenStatus("none"), certificate=None, pool=PoolStatus(0, 0, 0, 0))
    return calm(
        callers=None,
        profiles=(starting,),
        recent=(),
        journal=None,
        started=ago(seconds=3),
        door=DoorStatus(0, 0, False),
    )


def hostile() -> Status:
    """Give a gateway of which every text that others choose is an attempt to run a script."""
    return calm(
        configuration=ConfigurationStatus(
            (f"/etc/{HOSTILE}.toml",), HOSTILE, (Fault(HOSTILE, Message("hostile", HOSTILE), Text(HOSTILE)),)
        ),
        listeners=(ListenerStatus(f"unix:/run/{HOSTILE}", profile=HOSTILE),),
        ends=(ExpiryStatus("caller-key", HOSTILE, NOW, 0),),
        callers=(CallerStatus(HOSTILE, ("key",), (KeyStatus(HOSTILE),), (HOSTILE,)),),
        profiles=(
            profile(
                client_id=HOSTILE,
                environment=HOSTILE,
                api=HOSTILE,
                token_server=HOSTILE,
                certificate=CertificateStatus(HOSTILE, NOW, 0),
                token=token(failures=1, last_failure=Failure(NOW, HOSTILE, detail=HOSTILE)),
                negotiations=(negotiation(result=HOSTILE, error=HOSTILE, certificate=HOSTILE, detail=HOSTILE),),
                brakes=(BrakeStatus(HOSTILE, "api", NOW),),
                failing=(FailingApiStatus(HOSTILE, HOSTILE, NOW, NOW, 1),),
            ),
            profile("b", production=False, environment=HOSTILE, served=False, why_not=HOSTILE),
        ),
        recent=(call(0, caller=HOSTILE, path=HOSTILE, method=HOSTILE, profile=HOSTILE, code=HOSTILE),),
        doubts=Doubts(1, NOW, (Doubt(NOW, request_id(1), HOSTILE, HOSTILE, HOSTILE, HOSTILE, "no-answer", HOSTILE),)),
        journal=JournalStatus(failing=False, lost=0, lag_seconds=0, records=1, head=HOSTILE),
    )
