"""Value: a call that was made, with its response and where the time went.

Owns the values. Refuses to know how they came about, and a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fla_gateway.cli.trial.call import TRACE, Call
from fla_gateway.lean_dataclass import dataclass

SHOWN_BODY: Final = 65_536
"""Bytes of a response body that are shown."""
ORIGIN: Final = "Fla-Gateway-Origin"
_FIRST_FAILURE: Final = 400
_URN: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What came back.

    Attributes:
        status: status code.
        reason: reason phrase, or empty.
        fields: names and values, in order.
        body: as much of it as was read.
        whole: whether that is all of it.
    """

    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool = True

    def value(self, name: str) -> str:
        """Return the first value of a field; empty where there is none."""
        return next((value for known, value in self.fields if known.lower() == name.lower()), "")

    @property
    def problem(self) -> Mapping[str, Any] | None:
        """The members of a problem (RFC 9457); None where the body is none."""
        if not self.value("Content-Type").lower().startswith("application/problem+json"):
            return None
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True, repr=False)
class Trial:
    """A call and what came of it.

    Attributes:
        profile: name of the profile.
        call: what was sent.
        url: where.
        credential: the field of the credential, as it may be shown; empty where there was none.
        response: what came back.
        phases: what this command measured, in its order: name, seconds.
        recorded: what the gateway recorded of the call (``recent`` of /status); None where it is not known.
        curl: a line that makes the same call, without the credential.
        direct: whether no gateway was in between.
    """

    profile: str
    call: Call
    url: str
    credential: str
    response: Response
    phases: tuple[tuple[str, float], ...]
    recorded: Mapping[str, Any] | None
    curl: str
    direct: bool = False

    @property
    def is_well(self) -> bool:
        """Whether the answer is no failure."""
        return self.response.status < _FIRST_FAILURE and self.response.whole

    @property
    def request_id(self) -> str:
        """The gateway's id of the call; empty where it is not known."""
        problem = self.response.problem or {}
        instance = str(problem.get("instance", "")) if self._is_own else ""
        return instance.removeprefix(_URN) if instance.startswith(_URN) else str((self.recorded or {}).get("id", ""))

    @property
    def trace_received(self) -> str:
        """The BelGov-Trace-Id of the answer; empty without one."""
        return self.response.value(TRACE)

    @property
    def _is_own(self) -> bool:
        """Whether the gateway answered by itself."""
        return not self.direct and self.response.value(ORIGIN) not in {"", "upstream"}
