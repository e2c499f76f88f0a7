"""Rule: what /status answered of a profile becomes lines for a terminal.

Owns their order, and the words for findings and states of its token. Refuses to judge and to print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fla_gateway.admin.status.messages import LEVELS, cure, missing_right
from fla_gateway.cli.output.language import shown
from fla_gateway.cli.remote.status_values import (
    Times,
    alarm,
    days,
    fact,
    number_of,
    painted,
    table_of,
    tables_of,
    text_of,
)
from fla_gateway.i18n.message import Plural, Text
from fla_gateway.problems import PROBLEMS

FINDINGS: Final[Mapping[str, Callable[[Mapping[str, str]], Text]]] = {
    "not-served": lambda known: Text("cannot be used: {why_not}", why_not=known["why_not"]),
    "loading": lambda _: Text("its key is still being loaded"),
    "no-token": lambda _: Text("there is no valid token, so calls fail"),
    "certificate-ended": lambda known: Text(
        "the certificate has expired: fla-gateway cert renew {name}", name=known["name"]
    ),
    "certificate-urgent": lambda known: Text(
        "the certificate ends {ends_in}: fla-gateway cert renew {name}",
        ends_in=known["ends_in"],
        name=known["name"],
    ),
    "token-failing": lambda _: Text("the token cannot be renewed; calls work until it ends"),
    "former-key": lambda known: Text(
        "the key that is configured now cannot be used, the former one serves: {former_key}",
        former_key=known["former_key"],
    ),
    "api-failing": lambda known: Text(
        "APIs fail: {failing}; nothing is queued here, your program sends again", failing=known["failing"]
    ),
    "calls-failing": lambda _: Text("the last call failed"),
    "braked": lambda known: Text("the gateway holds calls back: {brakes}", brakes=known["brakes"]),
    "certificate-soon": lambda known: Text(
        "the certificate ends {ends_in}: fla-gateway cert renew {name}",
        ends_in=known["ends_in"],
        name=known["name"],
    ),
}
_TOKEN_STATES: Final[Mapping[str, str]] = {
    "fresh": Text("fresh"),
    "stale": Text("stale"),
    "expired": Text("expired"),
    "idle": Text("idle"),
    "none": Text("none"),
}
_KINDS: Final = ("answered", "refused", "failed")


def profile_lines(profile: Mapping[str, Any], times: Times, *, coloured: bool) -> Iterator[str]:
    """Write the lines of a profile.

    Args:
        profile: an entry of ``profiles``.
        times: writes moments.
        coloured: whether a terminal shows them.
    """
    level = str(profile.get("level", ""))
    environment = text_of(profile.get("environment"))
    where = environment.upper() if profile.get("production") else environment
    name = f"{text_of(profile.get('name'))} ({where})"
    health = painted(shown(LEVELS.get(level, level)).lower(), level, coloured=coloured)
    heading = shown(Text("{label}:", label=name))
    yield f"{heading} {health}"
    certificate = table_of(profile, "certificate")
    yield from _finding_lines(profile, certificate, times)
    if finding := table_of(profile, "finding"):
        command = f"fla-gateway doctor {text_of(profile.get('name'))}"
        page = text_of(finding.get("anchor"))
        yield fact(
            Text("finding"), Text("explained in {page}; {command} checks everything", page=page, command=command)
        )
    yield from _token_lines(table_of(profile, "token"), times)
    if certificate:
        yield fact(Text("certificate"), _certificate(certificate, times))
    yield fact(Text("last success"), times.shown(profile.get("last_success")))
    if failure := table_of(profile, "last_failure"):
        yield from _failure_lines(failure, times)
    minutes = tables_of(profile, "minutes")
    answered, refused, failed = (sum(int(it.get(kind) or 0) for it in minutes) for kind in _KINDS)
    counts = Text(
        "{answered} answered, {refused} refused, {failed} failed", answered=answered, refused=refused, failed=failed
    )
    yield fact(Text("last hour"), counts)


def _finding_lines(profile: Mapping[str, Any], certificate: Mapping[str, Any], times: Times) -> Iterator[str]:
    failing = tables_of(profile, "failing")
    without_scope = [it for it in failing if it.get("reason") == "missing-scope"]
    known = {
        "name": text_of(profile.get("name")),
        "why_not": text_of(profile.get("why_not")),
        "former_key": text_of(profile.get("former_key")),
        "ends_in": _ends_in(certificate),
        "failing": ", ".join(shown(_failing(it, times)) for it in failing if it not in without_scope),
        "brakes": ", ".join(
            shown(Text("{service} until {time}", service=text_of(it.get("service")), time=times.shown(it.get("until"))))
            for it in tables_of(profile, "brakes")
        ),
    }
    for code in profile.get("findings") or ():
        if code != "api-failing" or known["failing"]:
            yield f"  ! {shown(FINDINGS[str(code)](known)) if str(code) in FINDINGS else text_of(code)}"
    granted = next((text_of(it.get("scope")) for it in tables_of(profile, "negotiations") if it.get("lifetime")), "")
    yield from (f"  {alarm(_no_scope(it, times, granted))}" for it in without_scope)


def _token_lines(token: Mapping[str, Any], times: Times) -> Iterator[str]:
    if not token:
        return
    state = str(token.get("state"))
    words = _TOKEN_STATES.get(state, text_of(state))
    if token.get("expires"):
        words = Text("{state}, until {time}", state=words, time=times.shown(token.get("expires")))
    yield fact(Text("token"), words)
    failure = table_of(token, "last_failure")
    if token.get("failures") and failure:
        yield fact("", f"{times.shown(failure.get('time'))}: {text_of(failure.get('detail'))}")
        yield fact("", cure(str(failure.get("code") or ""), 0))


def _ends_in(certificate: Mapping[str, Any]) -> Text:
    left = number_of(certificate.get("days_left"))
    return Plural("in {count} day", "in {count} days", count=left) if left else Text("within a day")


def _certificate(certificate: Mapping[str, Any], times: Times) -> Text:
    end, left = times.shown(certificate.get("not_after")), number_of(certificate.get("days_left"))
    if left < 0:
        return Text("expired since {end}", end=end)
    return Text("{days} left, until {end}", days=days(left), end=end)


def _failing(api: Mapping[str, Any], times: Times) -> Text:
    return Text(
        "{service} since {time} ({reason})",
        service=text_of(api.get("service")),
        time=times.shown(api.get("since")),
        reason=text_of(api.get("reason")),
    )


def _no_scope(api: Mapping[str, Any], times: Times, granted: str) -> Text:
    return Text(
        "the account has no right for an API: {api}; {what}",
        api=_failing(api, times),
        what=missing_right(text_of(api.get("service")), granted),
    )


def _failure_lines(failure: Mapping[str, Any], times: Times) -> Iterator[str]:
    code, status = str(failure.get("code") or ""), int(failure.get("status") or 0)
    what = PROBLEMS[code].title if code in PROBLEMS else _answered(status)
    yield fact(Text("last failure"), f"{times.shown(failure.get('time'))}: {shown(what)}")
    yield fact("", cure(code, status))


def _answered(status: int) -> Text:
    return Text("the API answered {status}", status=status) if status else Text("no answer came")
