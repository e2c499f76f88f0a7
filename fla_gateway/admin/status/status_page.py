"""Adapter: a status becomes HTML.

Owns the templates. Refuses to know HTTP. Importing it costs memory and time (jinja2), which is why the server does so
at the first look at the page, in a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from gettext import NullTranslations
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Final, Literal

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from fla_gateway.admin.status import messages, traffic_chart
from fla_gateway.admin.status.gateway_status import Status
from fla_gateway.admin.status.health import ILL, Finding, Level, clock_skew, ends_near, findings, level, overall
from fla_gateway.admin.status.profile_selection import FEW, Selection, arrange
from fla_gateway.admin.status.profile_status import ProfileStatus
from fla_gateway.i18n.catalogues import load
from fla_gateway.i18n.message import said
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.oauth.clock_skew import finding as clock_finding
from fla_gateway.problems import PROBLEMS

if TYPE_CHECKING:  # an argument of a port, which jinja2 alone makes
    from jinja2.bccache import Bucket

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
EXTENSIONS: Final = ("jinja2.ext.i18n",)
_EVERYTHING: Final = Selection()
_NARROW_SPACE: Final = "\u202f"

Part = Literal["page.html", "live.html"]


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile, judged and drawn."""

    status: ProfileStatus
    level: Level
    findings: tuple[Finding, ...]
    chart: traffic_chart.Chart


class Page:
    """The page in every language.

    Args:
        refresh_seconds: how often the page asks for news.
        translations: gives the messages of a language.
    """

    def __init__(self, refresh_seconds: float = 5.0, translations: Callable[[str], NullTranslations] = load) -> None:
        self._refresh_seconds = refresh_seconds
        self._translations = translations
        self._environments: dict[str, Environment] = {}

    def render(self, part: Part, status: Status, language: str, selection: Selection = _EVERYTHING) -> str:
        """Write the page, or the part of it that changes.

        Args:
            part: template.
            status: what it is to show.
            language: one of `i18n.catalogues.available`.
            selection: which profiles.
        """
        judged = [(profile, level(findings(profile))) for profile in status.profiles]
        full, brief = arrange(judged, selection)
        return self._template(part, language).render(
            status=status,
            profiles=[_view(profile) for profile, _ in full],
            brief=brief,
            many=len(judged) > FEW,
            selection=selection,
            environments=dict(Counter(profile.environment for profile in status.profiles)),
            levels={it.value: sum(one is it for _, one in judged) for it in Level},
            overall=overall(status).value,
            ends_near=ends_near(status),
            skew=clock_skew(status),
            language=language,
            refresh_milliseconds=round(self._refresh_seconds * 1000),
        )

    def _template(self, part: Part, language: str) -> Template:
        environment = self._environments.get(language)
        if environment is None:
            environment = self._environments[language] = _environment(self._translations(language))
        return environment.get_template(part)


class _CompiledTemplates(BytecodeCache):
    """What the templates are compiled into, which takes a third of a second and is the same in every language."""

    def __init__(self) -> None:
        self._found: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """See `BytecodeCache`."""
        bucket.code = self._found.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """See `BytecodeCache`."""
        if bucket.code is not None:
            self._found[bucket.key] = bucket.code


_COMPILED: Final = _CompiledTemplates()


def environment_of_templates() -> Environment:
    """Give the environment in which the templates are read, without messages and filters."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        extensions=EXTENSIONS,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    return environment


def _environment(translations: NullTranslations) -> Environment:
    environment = environment_of_templates()
    environment.bytecode_cache = _COMPILED
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    environment.filters["said"] = partial(said, catalogue=translations)
    environment.filters.update(clock=_clock, moment=_moment, number=_number, duration=_duration, iso=_iso)
    environment.globals.update(
        words=messages,
        missing_right=messages.missing_right,
        clock_finding=clock_finding,
        problems=PROBLEMS,
        ill=ILL,
        emergency_link=messages.EMERGENCY_PROCEDURE,
        chart_width=traffic_chart.WIDTH,
        chart_height=traffic_chart.HEIGHT,
        chart_line=traffic_chart.LINE,
    )
    return environment


def _view(profile: ProfileStatus) -> ProfileView:
    found = findings(profile)
    return ProfileView(profile, level(found), found, traffic_chart.draw(profile.minutes))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(moment: datetime, form: str) -> Markup:
    shown = moment.astimezone(UTC).strftime(form)
    return Markup('<time datetime="{}" translate="no">{}</time>').format(_iso(moment), shown)


def _clock(moment: datetime, now: datetime) -> Markup:
    """Write a moment as a time of day, and with its date unless that is today's."""
    same_day = moment.astimezone(UTC).date() == now.astimezone(UTC).date()
    return _time(moment, "%H:%M:%S UTC" if same_day else "%Y-%m-%d %H:%M UTC")


def _moment(moment: datetime) -> Markup:
    """Write a moment with its date."""
    return _time(moment, "%Y-%m-%d %H:%M UTC")


def _number(number: int) -> str:
    return f"{number:,}".replace(",", _NARROW_SPACE)


def _duration(seconds: float) -> str:
    """Write a duration in the units of SI."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
