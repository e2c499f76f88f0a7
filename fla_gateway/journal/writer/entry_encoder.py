"""Rule: what the data path says becomes the members of a line, as text.

Owns the fast way of writing what `format.line_format` defines: this runs for every exchange. Refuses to know the chain;
an entry is a line without its first two members, ``prev`` and ``seq``, which are known only when it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from fla_gateway.access.authentication.caller import Admission
from fla_gateway.access.bounded_cache import remember
from fla_gateway.access.path_masking import mask_path
from fla_gateway.journal.snapshot import Account
from fla_gateway.proxy.exchange.request_ids import second_trace_id
from fla_gateway.proxy.records.exchange_record import NO_NOTES, Attempt, ExchangeRecord, Intent, Notes
from fla_gateway.proxy.records.milliseconds import milliseconds
from fla_gateway.proxy.records.timestamps import Timestamps

OTHER_METHOD: Final = "OTHER"

# What is put between quotes is safe in JSON without escaping: ids are UUIDs, tokens hexadecimal digits, codes and
# outcomes closed sets of this program, methods from `_method`, paths from `mask_path`. The rest is quoted before.
_REQUEST: Final = (
    '"caller":%s,"proof":%s,"profile":%s,"environment":%s,"rule":%s,"observed":%s,"method":"%s","path":"%s"'
)

_METHOD: Final = re.compile(rb"[A-Z-]{1,24}")
_MOST_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
"""Bytes of a method and a path that are remembered."""


_Request = tuple[Admission, str, bytes, bytes, str]
"""Whose request it is, its profile, method and path, and the hash of its token."""


class EntryEncoder:
    """Writes entries, and remembers the parts that come again and again.

    Args:
        key: key of `mask_path`.
        environments: gives the environment of each profile, by the configuration in force.
    """

    def __init__(self, key: bytes, environments: Callable[[], Mapping[str, str]]) -> None:
        self._key = key
        self._environments = environments
        self._requests: dict[tuple[Admission, str, str, bytes, bytes], str] = {}
        self._usual_intents: dict[_Request, str] = {}
        self._usual: dict[tuple[Admission, str, bytes, bytes, str, int], tuple[str, str]] = {}
        self._timestamps = Timestamps()

    def stamp(self, when: float) -> str:
        """Write a moment in epoch seconds as the journal does, cut to the millisecond."""
        return self._timestamps.write(when)

    def intents(self, stamp: str, intents: Iterable[Intent], bodies: Iterable[str]) -> list[str]:
        """Write intents.

        Args:
            stamp: as `stamp` gives it.
            intents: what is about to be sent.
            bodies: the hash of each one's body, or nothing.
        """
        beginning = f'"time":"{stamp}","record":"intent","id":"'
        usual = self._usual_intents
        entries = []
        for intent, body in zip(intents, bodies, strict=True):
            request_id = intent.request_id
            kind = (intent.admission, intent.profile, intent.method, intent.path, intent.token)
            middle = usual.get(kind) or self._describe_intent(kind)
            trace = f'{request_id}"' if intent.notes is NO_NOTES else _notes(intent.notes, request_id)
            entries.append(
                f'{beginning}{request_id}{middle}{trace},"body":"{body}"}}'
                if body
                else f"{beginning}{request_id}{middle}{trace}}}"
            )
        return entries

    def _describe_intent(self, kind: _Request) -> str:
        """Write what intents have in common that come again and again, after the id; remembered."""
        admission, profile, method, path, token = kind
        text = f'",{self._request(admission, profile, method, path)},"token":"{token}","trace_sent":"'
        if len(method) + len(path) <= _LONGEST_REMEMBERED:
            remember(self._usual_intents, kind, text, _MOST_REMEMBERED)
        return text

    def outcomes(
        self, stamp: str, records: Iterable[ExchangeRecord], is_known: Callable[[ExchangeRecord], bool]
    ) -> list[str]:
        """Write outcomes.

        Args:
            stamp: as `stamp` gives it.
            records: what is over.
            is_known: asked for whatever is not like another that was written before; False leaves the record out. It
                must depend on nothing but admission and profile.
        """
        # Answered at the first attempt, nothing waited for, nothing noted: so it nearly always is, and takes half the
        # time to write, since most of it has been written before.
        beginning = f'"time":"{stamp}","record":"outcome","id":"'
        usual = self._usual
        entries = []
        for record in records:
            parts = None
            if _is_usual(record):
                kind = record.admission, record.profile, record.method, record.path, record.token, record.status
                parts = usual.get(kind)
            if parts is not None:
                middle, end = parts
                request_id, trace = record.request_id, record.trace
                entries.append(
                    f'{beginning}{request_id}{middle}{request_id}{end}{record.received},"sent":{record.sent}'
                    f"{_trace_received(trace) if trace else ''}"
                    f"{self._body_and_made(record) if record.made or record.body else ''}"
                    f',"ms":{milliseconds(record.seconds)},"upstream_ms":{milliseconds(record.upstream_seconds)}}}'
                )
            elif is_known(record):
                entries.append(self._outcome(stamp, record))
                self._remember_usual(record)
        return entries

    def _remember_usual(self, record: ExchangeRecord) -> None:
        """Remember what usual outcomes have in common that come again and again, around the id."""
        if _is_usual(record) and len(record.method) + len(record.path) <= _LONGEST_REMEMBERED:
            asked = record.admission, record.profile, record.method, record.path, record.token
            parts = (self._describe_intent(asked), f'",{_answer(record)},"received":')
            remember(self._usual, (*asked, record.status), parts, _MOST_REMEMBERED)

    def _outcome(self, stamp: str, record: ExchangeRecord) -> str:
        request = self._request(record.admission, record.profile, record.method, record.path)
        trace = _notes(record.notes, record.request_id if record.attempts else "")
        return (
            f'"time":"{stamp}","record":"outcome","id":"{record.request_id}",{request},"token":"{record.token}",'
            f'"trace_sent":"{trace},{_answer(record)}'
            f"{'' if record.refused is None else _refused_attempt(record.refused)}"
            f"{_trace_again(record) if record.attempts > 1 else ''}"
            f',"received":{record.received},"sent":{record.sent}'
            f"{_trace_received(record.trace) if record.trace else ''}{self._body_and_made(record)}"
            f',"ms":{milliseconds(record.seconds)}'
            f"{_waited('token_ms', record.token_seconds)}{_waited('connection_ms', record.connection_seconds)}"
            f',"upstream_ms":{milliseconds(record.upstream_seconds)}}}'
        )

    def _body_and_made(self, record: ExchangeRecord) -> str:
        body = f',"body":"{record.body}"' if record.body else ""
        return f'{body},"made":"{mask_path(record.made, self._key)}"' if record.made else body

    def other(self, stamp: str, record: str, members: Mapping[str, Any]) -> str:
        """Write an entry of any kind; for the rare ones.

        Args:
            stamp: as `stamp` gives it.
            record: kind.
            members: the kind's own; JSON values.
        """
        return json.dumps({"time": stamp, "record": record, **members}, separators=(",", ":"))[1:]

    def account(self, account: Account) -> dict[str, Any]:
        """Return the members of a record of an account; what would say nothing is left out."""
        end = account.certificate_end
        members = {
            "profile": account.profile,
            "environment": account.environment,
            "api": account.api,
            "client_id": account.client_id,
            "certificate": account.certificate,
            "certificate_end": "" if end is None else self.stamp(end),
        }
        return {name: value for name, value in members.items() if value}

    def _request(self, admission: Admission, profile: str, method: bytes, path: bytes) -> str:
        """Write whose request it is, and for what; remembered, since callers ask the same again and again."""
        environment = self._environments().get(profile, "")
        asked = (admission, profile, environment, method, path)
        text = self._requests.get(asked)
        if text is None:
            caller, proof, rule, observed = admission
            words = (quoted(caller), quoted(proof), quoted(profile), quoted(environment), quoted(rule))
            text = _REQUEST % (*words, "true" if observed else "false", _method(method), mask_path(path, self._key))
            if len(method) + len(path) <= _LONGEST_REMEMBERED:
                remember(self._requests, asked, text, _MOST_REMEMBERED)
        return text


def _is_usual(record: ExchangeRecord) -> bool:
    """Whether an exchange was answered at the first attempt, waited for nothing and had nothing to note."""
    return (
        record.outcome == "answered"
        and record.attempts == 1
        and record.notes is NO_NOTES
        and record.refused is None
        and not record.token_seconds
        and not record.connection_seconds
    )


def _method(method: bytes) -> str:
    # A caller may make up a method of any length; the journal keeps what can be one of a registry.
    return method.decode("ascii") if _METHOD.fullmatch(method) else OTHER_METHOD if method else ""


def _answer(record: ExchangeRecord) -> str:
    if not record.attempts:
        delivery = "not-sent"
    elif (
        record.origin == "upstream" or record.upstream_seconds or (record.refused is not None and record.attempts == 1)
    ):
        delivery = "delivered"
    else:
        delivery = "unknown"
    return (
        f'"status":{record.status},"origin":"{record.origin}","code":"{record.code}","outcome":"{record.outcome}",'
        f'"delivery":"{delivery}","attempts":{record.attempts}'
    )


def _notes(notes: Notes, request_id: str) -> str:
    """Write the end of trace_sent, and what follows; BelGov-Trace-Id is the caller's own, or else the request id."""
    reference, trace, _ = notes
    sent = trace if trace and request_id else request_id
    return (
        f'{quoted(sent)[1:]}{f""","trace_caller":{quoted(trace)}""" if trace else ""}'
        f'{f""","reference":{quoted(reference)}""" if reference else ""}'
    )


def _refused_attempt(attempt: Attempt) -> str:
    status, token, trace, seconds = attempt
    members = f'"status":{status},"token":"{token}","trace":{quoted(trace)},"ms":{milliseconds(seconds)}'
    return f',"refused_attempt":{{{members}}}'


def _trace_again(record: ExchangeRecord) -> str:
    """Write the BelGov-Trace-Id of a second attempt; a caller's own stays the same, and is in trace_sent."""
    return "" if record.notes.trace else f',"trace_again":"{second_trace_id(record.request_id)}"'


def _trace_received(trace: str) -> str:
    return f',"trace_received":{quoted(trace)}'


def _waited(member: str, seconds: float) -> str:
    return f',"{member}":{milliseconds(seconds)}' if seconds else ""
