"""What `fla-gateway check` says of callers.

Owns the lines: who a caller is, how it is known, what it may do. Refuses to judge; what is wrong or odd is among the
warnings of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from fla_gateway.cli.output.language import shown
from fla_gateway.i18n.message import Text

if TYPE_CHECKING:  # `--help` must not wait for it
    from fla_gateway.config.schema import ApiKey, CallerTable, Configuration

_WIDTH: Final = 14
_MOST_NAMED: Final = 3


def caller_lines(configuration: Configuration, now: float, few: int) -> Iterator[str]:
    """Yield the lines about all callers, or the one that says that there are none.

    Args:
        configuration: without faults.
        now: seconds since the epoch.
        few: number of callers up to which each is shown in full; of more, each has one line.
    """
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - see TYPE_CHECKING above

    if not configuration.callers:
        yield shown(Text("no callers: every program that reaches the gateway may call"))
        yield ""
    many = len(configuration.callers) > few
    brief = {name: it for name, it in configuration.callers.items() if many and not _has_expired_key(it, now)}
    for name, caller in configuration.callers.items():
        if name in brief:
            continue
        yield shown(Text("caller {name}", name=name))
        for label, value in _facts(caller, now):
            yield f"  {shown(label):<{_WIDTH}} {printable(shown(value))}"
        yield ""
    yield from (_one_line(name, caller) for name, caller in brief.items())
    if brief:
        yield ""


def _has_expired_key(caller: CallerTable, now: float) -> bool:
    return any(key.expires is not None and key.expires <= now for key in caller.keys)


def _one_line(name: str, caller: CallerTable) -> str:
    from fla_gateway.observe.logs.log_values import printable  # noqa: PLC0415 - see TYPE_CHECKING above

    profiles = ", ".join([*caller.allow][:_MOST_NAMED])
    further = len(caller.allow) - _MOST_NAMED
    if further <= 0:
        return shown(Text("caller {name}: {profiles}", name=name, profiles=printable(profiles)))
    text = Text(
        "caller {name}: {profiles} and {number} further profiles",
        name=name,
        profiles=printable(profiles),
        number=further,
    )
    return shown(text)


def _facts(caller: CallerTable, now: float) -> Iterator[tuple[str, str]]:
    from fla_gateway.config.values.timestamps import written  # noqa: PLC0415 - see TYPE_CHECKING above

    yield from _listed(Text("key"), [_key(key, now) for key in caller.keys])
    for label, number in ((Text("user id"), caller.uid), (Text("group id"), caller.gid)):
        if number is not None:
            yield label, str(number)
    if caller.service_account is not None:
        yield Text("account"), caller.service_account
    yield from _listed(Text("certificate"), caller.certificate_names)
    for profile, rules in caller.allow.items():
        yield from _listed(profile, rules)
    if caller.observe_until is not None and now < caller.observe_until:
        end = written(caller.observe_until)
        yield Text("observed"), Text("until {end} further requests are let through and reported", end=end)
    limits = {key: value for key, value in asdict(caller.limits).items() if value is not None}
    if limits:
        yield Text("limits"), ", ".join(f"{key} {value:g}" for key, value in limits.items())


def _listed(label: str, values: list[str]) -> Iterator[tuple[str, str]]:
    """Put the label beside the first of several lines."""
    for index, value in enumerate(values):
        yield ("" if index else label), value


def _key(key: ApiKey, now: float) -> str:
    from fla_gateway.access.authentication.api_key import key_id  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.config.values.timestamps import written  # noqa: PLC0415 - as above

    shown_key = f"{key_id(key.sha256)}..."
    if key.expires is None:
        return Text("{key}, does not expire", key=shown_key)
    if key.expires <= now:
        return Text("{key}, EXPIRED since {end}", key=shown_key, end=written(key.expires))
    return Text("{key}, until {end}", key=shown_key, end=written(key.expires))
