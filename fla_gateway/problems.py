"""The one table of answers that the gateway gives by itself (RFC 9457).

Owns code -> status, title, origin, delivery, retryable, and the body's shape. Refuses to know when a problem arises.
docs/errors.md is compared with this table by a test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from fla_gateway.i18n.catalogues import ENGLISH, Spoken
from fla_gateway.i18n.message import Text, said
from fla_gateway.lean_dataclass import dataclass

Origin = Literal["gateway", "token-server", "network"]
Delivery = Literal["not-sent", "unknown"]

TYPE_PREFIX: Final = "urn:problem-type:fla-gateway:"


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of the table.

    Attributes:
        status: status code of the answer (RFC 9110, section 15).
        title: the same short sentence every time (RFC 9457, section 3.1.4).
        origin: who is to blame: this gateway's rules, the whole token leg, or the way to the API.
        delivery: ``not-sent`` only if no byte of the request was written to the API.
        retryable: the same call, unchanged, may succeed later without the danger of being done twice, and without a
            person having to act first. A GET or HEAD is retryable after every failure of the network.
    """

    status: int
    title: Text
    origin: Origin
    delivery: Delivery
    retryable: bool


def _gateway(status: int, title: Text, *, retryable: bool = False) -> Problem:
    return Problem(status, title, "gateway", "not-sent", retryable)


def _token(title: Text, *, retryable: bool = True) -> Problem:
    # No token always means 503 with Retry-After.
    return Problem(503, title, "token-server", "not-sent", retryable)


def _network(status: int, title: Text, delivery: Delivery) -> Problem:
    return Problem(status, title, "network", delivery, retryable=delivery == "not-sent")


PROBLEMS: Final[dict[str, Problem]] = {
    # The request as received
    "malformed-request": _gateway(400, Text("The request head is malformed")),
    "malformed-body": Problem(400, Text("The request body is malformed"), "gateway", "unknown", retryable=False),
    "absolute-form": _gateway(400, Text("The request target must be a path")),
    "ambiguous-path": _gateway(400, Text("The path can be read in two ways")),
    "method-refused": _gateway(405, Text("The method is refused")),
    "request-timeout": _gateway(408, Text("The request did not arrive in time")),
    "length-required": _gateway(411, Text("The request has no length")),
    "uri-too-long": _gateway(414, Text("The request target is too long")),
    "expectation-failed": _gateway(417, Text("The expectation cannot be met")),
    "head-too-large": _gateway(431, Text("The request head is too large")),
    "transfer-coding-unsupported": _gateway(501, Text("The transfer coding is not supported")),
    "version-unsupported": _gateway(505, Text("The HTTP version is not supported")),
    "reference-malformed": _gateway(400, Text("The reference cannot be recorded")),
    "body-too-large": _gateway(413, Text("The request body is too large")),
    # Who may reach what
    "credentials-ambiguous": _gateway(400, Text("The request carries two different credentials")),
    "credentials-missing": _gateway(401, Text("The request carries no credential")),
    "credentials-refused": _gateway(401, Text("The credential is not accepted")),
    "caller-not-permitted": _gateway(403, Text("The caller may not make this request")),
    "too-many-requests": _gateway(429, Text("The caller sends too much at once"), retryable=True),
    "api-throttled": _gateway(429, Text("The API has asked for patience"), retryable=True),
    "browser-refused": _gateway(403, Text("Requests caused by a web page are refused")),
    "token-endpoint-refused": _gateway(403, Text("The token endpoint is not reachable through the gateway")),
    "service-not-permitted": _gateway(403, Text("The profile does not serve this path")),
    "not-found": _gateway(404, Text("There is nothing at this address")),
    "unknown-profile": _gateway(404, Text("There is no such profile")),
    "actions-disabled": _gateway(403, Text("The client may not reload, drain or end the gateway")),
    "wrong-host": _gateway(421, Text("The gateway does not answer to this host name")),
    # The gateway's own state
    "profile-unavailable": _gateway(503, Text("The profile cannot be served")),
    "profile-loading": _gateway(503, Text("The profile's key is still being loaded"), retryable=True),
    "overloaded": _gateway(503, Text("Every connection to the API is busy"), retryable=True),
    "callers-unverifiable": _gateway(503, Text("Callers cannot be verified"), retryable=True),
    "journal-unavailable": _gateway(503, Text("The audit journal cannot be written"), retryable=True),
    "reload-refused": _gateway(422, Text("The configuration cannot be applied")),
    "settlement-refused": _gateway(409, Text("The doubts cannot be settled")),
    "stopping": _gateway(503, Text("The gateway is stopping"), retryable=True),
    "internal-error": Problem(500, Text("The gateway failed"), "gateway", "unknown", retryable=False),
    # The token leg
    "token-unreachable": _token(Text("The token server cannot be reached")),
    "token-timeout": _token(Text("The token server did not answer in time")),
    # People repair that, in ChaMan: a program that sends again would go on for hours.
    "token-refused": _token(Text("The token server refused the credentials"), retryable=False),
    "token-throttled": _token(Text("The token server asks for patience")),
    "token-malformed": _token(Text("The token server's answer cannot be used")),
    "token-failed": _token(Text("The token server failed")),
    "token-unsigned": _token(Text("The assertion could not be signed")),
    # The API leg
    "api-unreachable": _network(502, Text("The API cannot be reached"), "not-sent"),
    "api-untrusted": _network(502, Text("The API's certificate is not trusted"), "not-sent"),
    "egress-refused": _network(502, Text("The corporate proxy refused the connection"), "not-sent"),
    "api-connect-timeout": _network(504, Text("The API could not be reached in time"), "not-sent"),
    "api-closed": _network(502, Text("The API closed the connection without an answer"), "unknown"),
    "api-malformed": _network(502, Text("The API's answer is malformed"), "unknown"),
    "api-timeout": _network(504, Text("The API did not answer in time"), "unknown"),
}


CURES: Final[dict[str, Text]] = {
    "malformed-request": Text("Ask the maker of the calling program: what it sends is no correct HTTP request."),
    "malformed-body": Text(
        "Ask the maker of the calling program: the content that it sends breaks off or is malformed."
    ),
    "absolute-form": Text("In the calling program, enter the gateway as the address of the API, not as a proxy."),
    "ambiguous-path": Text(
        "Ask the maker of the calling program: the path is to be written as the API's manual writes it."
    ),
    "method-refused": Text("Ask the maker of the calling program: this kind of request is never forwarded."),
    "request-timeout": Text("See whether the calling program or its machine hangs; it did not finish its request."),
    "expectation-failed": Text(
        "Ask the maker of the calling program: it expects something that no API of this kind offers."
    ),
    "uri-too-long": Text("Ask the maker of the calling program: the address that it asks for is too long."),
    "length-required": Text(
        "Ask the maker of the calling program: it has to say how long the content is that it sends."
    ),
    "head-too-large": Text("Ask the maker of the calling program: the request has too many or too long fields."),
    "transfer-coding-unsupported": Text("Ask the maker of the calling program: the transfer coding is not supported."),
    "version-unsupported": Text("Set the calling program to HTTP/1.1."),
    "reference-malformed": Text("A reference may have up to 64 printable characters; shorten or correct it."),
    "body-too-large": Text("Send less at once, or have the limit raised in the configuration."),
    "credentials-ambiguous": Text("Configure one key in the calling program; it sends two different ones."),
    "credentials-missing": Text("Enter the key of this caller in the calling program; it sends none."),
    "credentials-refused": Text("Compare the key in the calling program with the configuration; it may have expired."),
    "caller-not-permitted": Text("If this caller should be allowed to do that, have its allow list extended."),
    "too-many-requests": Text(
        "Nothing, if it passes. Else let the program send more slowly, or have its limits raised."
    ),
    "api-throttled": Text("Wait: the API has asked for patience. See whether another program uses the same account."),
    "browser-refused": Text("Call from a program; web pages may not use the gateway."),
    "token-endpoint-refused": Text(
        "Take the token request out of the calling program; the gateway gets the tokens itself."
    ),
    "service-not-permitted": Text("If this API should be reachable, have it added to the services of the profile."),
    "not-found": Text("Compare the address in the calling program with the manual: it looks like /profile/REST/..."),
    "unknown-profile": Text("Compare the name in the address with the profiles of the configuration."),
    "wrong-host": Text("Call the gateway by the name it is known by, or have the name added to its hosts."),
    "profile-unavailable": Text(
        "Have the key or certificate of this profile repaired; the status page and the log say why."
    ),
    "profile-loading": Text("Nothing: the keys are loaded within seconds of a start. The program may send it again."),
    "overloaded": Text("See whether the API is slow just now; send fewer calls at once."),
    "callers-unverifiable": Text("Have it checked why the keys of the cluster cannot be fetched; see the log."),
    "journal-unavailable": Text("Make room on the disk of the journal, or restore the right to write there."),
    "actions-disabled": Text("Run the command as root or as the gateway's own user, on its machine."),
    "settlement-refused": Text("Compare the request ids with the list of what is in doubt."),
    "reload-refused": Text("Have the faults of the configuration repaired, and reload it again."),
    "stopping": Text("Nothing: the gateway was asked to stop. Start it again if that was not intended."),
    "internal-error": Text("This is a fault of the gateway. Please report it with the lines of its log."),
    "token-unreachable": Text(
        "Have the network checked: internet connection, name service, firewall, corporate proxy."
    ),
    "token-timeout": Text("Wait; if it lasts, have the network checked."),
    "token-refused": Text(
        "See in ChaMan whether the client id, the certificate and the rights of this account are valid."
    ),
    "token-throttled": Text("Wait; see whether another program uses the same account."),
    "token-malformed": Text("Have it checked whether something else answers at the address of the token server."),
    "token-failed": Text(
        "Wait: the token server has a failure. If it lasts, report it to the help desk of the social security."
    ),
    "token-unsigned": Text("Have the key of this profile checked with the command fla-gateway check."),
    "api-unreachable": Text("Have the network checked: internet connection, name service, firewall."),
    "api-untrusted": Text(
        "Have it checked whether a firewall opens encrypted connections, and whether the clock is right."
    ),
    "egress-refused": Text("Ask the administrator of the corporate proxy to let the gateway through."),
    "api-connect-timeout": Text("Have the network and the firewall checked."),
    "api-closed": Text("Look up with the API what became of the call before it is sent again."),
    "api-malformed": Text("Look up with the API what became of the call, and report it with its request id."),
    "api-timeout": Text("Look up with the API what became of the call before it is sent again."),
}
"""What to do about each problem, for a person who did not write the calling program; also on the status page.
docs/errors.md has more for programmers. Callers read them: they name no file, account or address."""


LOST_READ_CURE: Final = Text("Let the program send it again: it only reads. If that lasts, have the network checked.")


def problem_body(
    code: str,
    detail: str,
    request_id: str,
    profile: str | None,
    *,
    delivery: Delivery | None = None,
    reading: bool = False,
    further: Mapping[str, object] = MappingProxyType({}),
    spoken: Spoken = ENGLISH,
) -> bytes:
    """Write the body of an ``application/problem+json`` answer.

    Args:
        code: a code of the table.
        detail: what happened and what to do.
        request_id: the UUID of the exchange.
        profile: name of the profile, or None where no profile was reached.
        delivery: what is really known of the delivery, where the exchange knows better than the table's row.
        reading: whether the request was a GET or HEAD: what the network lost of these can be asked for again.
        further: members of this problem alone (RFC 9457, section 3.2).
        spoken: the language of title, detail and cure; names and codes are the same in each.
    """
    row = PROBLEMS[code]
    fate = delivery or row.delivery
    # Of what changes nothing there is no fate to look up.
    lost = reading and row.origin == "network" and fate == "unknown"
    document = {
        "type": TYPE_PREFIX + code,
        "title": row.title.translated(spoken.catalogue),
        "status": row.status,
        "detail": said(detail, spoken.catalogue),
        "instance": f"urn:uuid:{request_id}",
        "origin": row.origin,
        "delivery": fate,
        "retryable": (row.retryable and fate == "not-sent") or (reading and row.origin == "network"),
        "profile": profile,
        "cure": (LOST_READ_CURE if lost else CURES[code]).translated(spoken.catalogue),
        **further,
    }
    return json.dumps(document).encode() + b"\n"
