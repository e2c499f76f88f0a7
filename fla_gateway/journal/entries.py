"""Rule: what the data path says becomes the members of a line, as text.

Owns the fast way of writing what `lines` defines: this runs for every exchange. Refuses to know the chain; an entry is
a line without its first two members, ``prev`` and ``seq``, which are known only when it is written.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from fla_gateway.access.caller import Admission
from fla_gateway.access.masking import mask_path
from fla_gateway.proxy.record import NO_NOTES, Attempt, ExchangeRecord, Intent, Notes

OTHER_METHOD: Final = "OTHER"

# What goes in with quotes around it is safe in JSON as it stands: ids are UUIDs, tokens hexadecimal digits, codes and
# outcomes closed sets of this program, methods from `_method`, paths from `mask_path`. The rest is quoted before.
_INTENT: Final = (
    '"time":"%s","record":"intent","id":"%s",%s,"token":"%s","trace_sent":%s,"trace_caller":%s,"reference":%s}'
)
_OUTCOME: Final = (
    '"time":"%s","record":"outcome","id":"%s",%s,"token":"%s",'
    '"trace_sent":%s,"trace_caller":%s,"reference":%s,'
    '"status":%d,"origin":"%s","code":"%s","outcome":"%s","delivery":"%s","received":%d,"sent":%d,"attempts":%d,'
    '"refused_attempt":%s,"trace_received":%s,"ms":%.1f,"token_ms":%.1f,"connection_ms":%.1f,"upstream_ms":%.1f}'
)
# The usual case, in which nothing was waited for and the caller noted nothing: fewer parts, at half the cost.
_PLAIN_INTENT: Final = (
    '"time":"%s","record":"intent","id":"%s",%s,"token":"%s","trace_sent":"%s","trace_caller":"","reference":""}'
)
_PLAIN_OUTCOME: Final = (
    '"time":"%s","record":"outcome","id":"%s",%s,"token":"%s","trace_sent":"%s","trace_caller":"","reference":"",'
    '"status":%d,"origin":"%s","code":"%s","outcome":"%s","delivery":"%s","received":%d,"sent":%d,"attempts":%d,'
    '"refused_attempt":null,"trace_received":%s,"ms":%.1f,"token_ms":0.0,"connection_ms":0.0,"upstream_ms":%.1f}'
)
_REQUEST: Final = (
    '"caller":%s,"proof":%s,"profile":%s,"environment":%s,"rule":%s,"observed":%s,"method":"%s","path":"%s"'
)
_NOTHING: Final = '""'

_METHOD: Final = re.compile(rb"[A-Z-]{1,24}")
_MOST_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
"""Bytes of a method and a path that are remembered."""


class Entries:
    """Writes entries, and remembers the parts that come again and again.

    Args:
        key: key of `mask_path`.
        environments: environment of each profile.
    """

    def __init__(self, key: bytes, environments: Mapping[str, str]) -> None:
        self._key = key
        self._environments = environments
        self._requests: dict[tuple[Admission, str, bytes, bytes], str] = {}
        self._second = self._moment = -1
        self._date = self._stamp = ""

    def stamp(self, when: float) -> str:
        """Write a moment in epoch seconds as the journal does, cut to the millisecond."""
        moment = int(when * 1000)
        if moment != self._moment:
            second, milliseconds = divmod(moment, 1000)
            if second != self._second:
                self._second = second
                self._date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._moment = moment
            self._stamp = f"{self._date}.{milliseconds:03d}Z"
        return self._stamp

    def intent(self, stamp: str, intent: Intent) -> str:
        """Write an intent."""
        request_id, profile, method, path, admission, notes, token = intent
        request = self._requests.get((admission, profile, method, path)) or self._describe(
            admission, profile, method, path
        )
        if notes is NO_NOTES:
            return _PLAIN_INTENT % (stamp, request_id, request, token, request_id)
        return _INTENT % (stamp, request_id, request, token, *_notes(notes, request_id))

    def outcome(self, stamp: str, record: ExchangeRecord) -> str:
        """Write an outcome."""
        (
            request_id, profile, method, path, status, origin, code, outcome, received, sent, seconds, attempts,
            admission, notes, _, token, trace, token_seconds, connection_seconds, upstream_seconds, refused,
        ) = record  # fmt: skip
        if not attempts:
            delivery = "not-sent"
        elif origin == "upstream" or upstream_seconds or (refused is not None and attempts == 1):
            delivery = "delivered"
        else:
            delivery = "unknown"
        request = self._requests.get((admission, profile, method, path)) or self._describe(
            admission, profile, method, path
        )
        received_trace = quoted(trace) if trace else _NOTHING
        if notes is NO_NOTES and refused is None and not token_seconds and not connection_seconds:
            return _PLAIN_OUTCOME % (
                stamp, request_id, request, token, request_id if attempts else "",
                status, origin, code, outcome, delivery, received, sent, attempts,
                received_trace, seconds * 1000, upstream_seconds * 1000,
            )  # fmt: skip
        return _OUTCOME % (
            stamp,
            request_id,
            request,
            token,
            *_notes(notes, request_id if attempts else ""),
            status, origin, code, outcome, delivery, received, sent, attempts,
            "null" if refused is None else _attempt(refused),
            received_trace,
            seconds * 1000, token_seconds * 1000, connection_seconds * 1000, upstream_seconds * 1000,
        )  # fmt: skip

    def other(self, stamp: str, record: str, members: Mapping[str, Any]) -> str:
        """Write an entry of any kind; for the rare ones.

        Args:
            stamp: as `stamp` gives it.
            record: kind.
            members: the kind's own; JSON values.
        """
        return json.dumps({"time": stamp, "record": record, **members}, separators=(",", ":"))[1:]

    def _describe(self, admission: Admission, profile: str, method: bytes, path: bytes) -> str:
        """Write what says whose request it is, and for what; remembered, since callers ask the same again and again."""
        caller, proof, rule, observed = admission
        environment = self._environments.get(profile, "")
        words = (quoted(caller), quoted(proof), quoted(profile), quoted(environment), quoted(rule))
        text = _REQUEST % (*words, "true" if observed else "false", _method(method), mask_path(path, self._key))
        if len(method) + len(path) <= _LONGEST_REMEMBERED:
            if len(self._requests) >= _MOST_REMEMBERED:
                self._requests.clear()
            self._requests[admission, profile, method, path] = text
        return text


def _method(method: bytes) -> str:
    # A caller may make up a method of any length; the journal keeps what can be one of a registry.
    return method.decode("ascii") if _METHOD.fullmatch(method) else OTHER_METHOD if method else ""


def _notes(notes: Notes, request_id: str) -> tuple[str, str, str]:
    """Give trace_sent, trace_caller and reference; BelGov-Trace-Id is the caller's own, or else the request id."""
    if notes is NO_NOTES:
        return f'"{request_id}"', _NOTHING, _NOTHING
    reference, trace, _ = notes
    caller = quoted(trace) if trace else _NOTHING
    sent = caller if trace and request_id else f'"{request_id}"'
    return sent, caller, quoted(reference) if reference else _NOTHING


def _attempt(attempt: Attempt) -> str:
    status, token, trace, seconds = attempt
    return f'{{"status":{status},"token":"{token}","trace":{quoted(trace)},"ms":{seconds * 1000:.1f}}}'
