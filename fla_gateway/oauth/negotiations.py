"""State: the last negotiations with token servers, for a person who has to find out why one failed.

Owns which members of a negotiation are kept, and how many. Each is copied from a list of permitted members: the
signature of an assertion and the token never come here, so that nothing has to be deleted before a record is shown.
Refuses to know how a negotiation runs, and who is shown its record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from fla_gateway.clock import Clock
from fla_gateway.http1.whole_response import WholeResponse
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.network.phase_timer import PhaseTimer
from fla_gateway.oauth.error_response import printable, quotable
from fla_gateway.oauth.model import AccessToken, TokenRequest
from fla_gateway.secret import Secret

MOST: Final = 20
"""Negotiations that are kept for one account."""
GRANTED: Final = "granted"
CUT: Final = "cut"
"""The attempt was ended before there was an answer: by its time limit, or by the end of the gateway."""
PERMITTED_FIELDS: Final = (
    "date", "age", "server", "via", "content-type", "content-length", "retry-after", "www-authenticate",
    "belgov-trace-id", "x-request-id", "x-correlation-id",
)  # fmt: skip
"""Fields of a response that are kept, the first of each name."""
_LONGEST_VALUE: Final = 200

Account = tuple[str, str, str, tuple[str, ...]]
"""Environment, token URL, client id and scope: a key that follows another continues the same list."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """One attempt to get a token.

    Attributes:
        time: its beginning, in seconds since 1970 by the host's clock.
        endpoint: the token URL.
        environment: name of the environment.
        header: JOSE header of the assertion; empty where none was signed.
        claims: claims of the assertion; empty where none was signed.
        certificate: SHA-256 of the certificate in hexadecimal, or empty without one.
        certificate_ends: end of its validity, or None.
        clock_offset: seconds that were added to the host's clock for the assertion.
        clock_sample: seconds by which the server's clock is ahead of the host's, as the response shows; None if not.
        phases: seconds for each phase that was reached (`network.phase_timer.PHASES`).
        status: status code of the response, or 0 without one.
        fields: those of `PERMITTED_FIELDS` that the response had.
        result: ``granted``, ``cut``, or a problem code.
        detail: what happened, in the program's own words; empty where a token was granted.
        error: code of the OAuth error or problem in the response, or empty.
        scope: granted scope, or empty.
        lifetime: seconds that the token is good for; 0 without one.
        answer: a sentence with what the server answered, its own words scrubbed; empty where it was no error.
    """

    time: float
    endpoint: str
    environment: str
    header: Mapping[str, str]
    claims: Mapping[str, str | int]
    certificate: str
    certificate_ends: datetime | None
    clock_offset: float
    clock_sample: float | None
    phases: Mapping[str, float]
    status: int
    fields: Mapping[str, str]
    result: str
    detail: str
    error: str
    scope: str
    lifetime: float
    answer: str = ""


class OpenNegotiation:
    """What is known of a negotiation that runs.

    Attributes:
        timer: of its phases.
        clock_sample: seconds by which the server's clock is ahead of the host's, as its response shows; None if not.
    """

    def __init__(self, request: TokenRequest, clock: Clock, offset: float) -> None:
        """Begin.

        Args:
            request: what is asked for.
            clock: the host's clocks.
            offset: seconds that are added to the host's clock.
        """
        self.timer = PhaseTimer(clock.monotonic)
        self.clock_sample: float | None = None
        self._request = request
        self._time = clock.wall()
        self._offset = offset
        self._header: Mapping[str, str] = {}
        self._claims: Mapping[str, str | int] = {}
        self._certificate = ""
        self._certificate_ends: datetime | None = None
        self._status = 0
        self._fields: dict[str, str] = {}
        self._error = ""
        self._answer = ""

    def found_key(self, sha256: bytes | None, ends: datetime | None) -> None:
        """Take what is known of the key: fingerprint and end of its certificate."""
        self._certificate = "" if sha256 is None else sha256.hex()
        self._certificate_ends = ends

    def wrote_assertion(self, header: Mapping[str, str], claims: Mapping[str, str | int]) -> None:
        """Take what is signed; never the signature."""
        self._header, self._claims = header, claims

    def got_response(self, response: WholeResponse, assertion: Secret) -> None:
        """Take status and permitted fields; one that repeats a piece of the assertion is left out."""
        self._status = response.status
        for name in PERMITTED_FIELDS:
            for value in response.values(name.encode())[:1]:
                text = quotable(printable(value.decode("latin-1"), _LONGEST_VALUE), assertion)
                self._fields.update({name: text} if text else {})

    def got_error(self, code: str, answer: str) -> None:
        """Take the code of an OAuth error or a problem, and the sentence with the answer, both scrubbed."""
        self._error, self._answer = code, answer

    def end(self, result: str, detail: str = "", token: AccessToken | None = None) -> Negotiation:
        """Return the record.

        Args:
            result: `GRANTED`, `CUT` or the problem code.
            detail: of the problem; empty without one.
            token: read for its scope and lifetime alone; None without one.
        """
        self.timer.stop()
        return Negotiation(
            time=self._time,
            endpoint=self._request.token_url,
            environment=self._request.environment,
            header=self._header,
            claims=self._claims,
            certificate=self._certificate,
            certificate_ends=self._certificate_ends,
            clock_offset=self._offset,
            clock_sample=self.clock_sample,
            phases=dict(self.timer.seconds),
            status=self._status,
            fields=self._fields,
            result=result,
            detail=detail,
            error=self._error,
            scope="" if token is None else token.scope or "",
            lifetime=0.0 if token is None else token.lifetime,
            answer=self._answer,
        )


class Negotiations:
    """The last ones of each account; lost with the process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[Account, deque[Negotiation]] = {}

    def keep(self, request: TokenRequest, negotiation: Negotiation) -> None:
        """Add one that has ended; of more than `MOST` the oldest is dropped."""
        self._kept.setdefault(_account(request), deque(maxlen=MOST)).append(negotiation)

    def of(self, request: TokenRequest) -> tuple[Negotiation, ...]:
        """Give those of the account that a request is for, the latest first."""
        return tuple(reversed(self._kept.get(_account(request), ())))

    def retain(self, requests: Iterable[TokenRequest]) -> None:
        """Forget the accounts that none of these requests is for."""
        accounts = {_account(it) for it in requests}
        self._kept = {account: kept for account, kept in self._kept.items() if account in accounts}


def _account(request: TokenRequest) -> Account:
    return request.environment, request.token_url, request.client_id, request.scope
