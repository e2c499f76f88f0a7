"""Value: a call that was made, as a person reads it.

Owns order and words. Refuses to hold a key or a token, and to send control characters of a response to a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fla_gateway.cli.trial.call import TRACE, shown_fields
from fla_gateway.cli.trial.trial import ORIGIN, SHOWN_BODY, Trial
from fla_gateway.cli.trial.trial_json import body_text, is_cut
from fla_gateway.i18n.message import Text

_WIDTH: Final = 24
_MEASURED: Final = {
    "connect": Text("connection to the gateway"),
    "answer": Text("until the answer began"),
    "body": Text("body of the answer"),
    "token": Text("token"),
    "dns": Text("name of the API"),
    "tcp": Text("TCP"),
    "proxy": Text("corporate proxy"),
    "tls": Text("TLS"),
    "request": Text("request"),
    "response": Text("response"),
}
_HOW_TO_GIVE_THE_KEY: Final = Text(
    "This command takes the key from {option} FILE, or from the variable {variable}.",
    option="--key-file",
    variable="FLAGW_KEY",
)
_NOT_FOUND: Final = 404
_OF_THE_API: Final = Text(
    "The answer is the API's own: token and the way there work. It has nothing at this path, or has not processed it "
    "yet."
)
_OF_THE_GATEWAY: Final = {
    "token_seconds": Text("waited for a token"),
    "connection_seconds": Text("waited for a connection"),
    "upstream_seconds": Text("the API"),
    "seconds": Text("all of the call"),
}


def lines(trial: Trial) -> Iterator[str]:
    """Write the lines, each printable."""
    yield from _request(trial)
    yield ""
    yield from _response(trial)
    yield ""
    yield from _problem(trial.response.problem)
    if trial.response.status == _NOT_FOUND and trial.response.value(ORIGIN) == "upstream":
        yield from (_OF_THE_API, "")
    yield Text("Where the time went:")
    for name, seconds in trial.phases:
        yield _fact(_MEASURED[name], _milliseconds(seconds))
    yield from _recorded(trial)
    yield ""
    yield Text("Trace ids:")
    yield _fact(Text("sent"), f"{TRACE}: {trial.call.trace}")
    yield _fact(Text("received"), f"{TRACE}: {trial.trace_received}" if trial.trace_received else Text("none"))
    if not trial.direct:
        yield _fact(Text("request id"), trial.request_id or Text("not known: /status does not show this call"))
    yield ""
    yield Text("The same with curl:")
    yield f"  {trial.curl}"


def _request(trial: Trial) -> Iterator[str]:
    call = trial.call
    yield f"> {call.method} {trial.url}"
    yield from (f"> {name}: {value}" for name, value in shown_fields(call))
    if trial.credential:
        yield f"> {trial.credential}"
    if call.body is not None:
        name = Text("standard input") if call.body_name == "-" else call.body_name
        yield Text("> ({number} bytes of {name})", number=len(call.body), name=name)


def _response(trial: Trial) -> Iterator[str]:
    response = trial.response
    yield f"< {response.status} {response.reason}".rstrip()
    yield from (f"< {name}: {value}" for name, value in response.fields)
    text = body_text(response)
    if response.body:
        yield ""
    if text is None:
        yield Text("({number} bytes that are no text)", number=len(response.body))
    elif text:
        yield from text.splitlines()
    if is_cut(response):
        yield Text("(cut here: {number} bytes are shown)", number=SHOWN_BODY)
    if not response.whole:
        yield Text("(the body broke off before its end)")


def _problem(problem: Mapping[str, Any] | None) -> Iterator[str]:
    """Say what a problem says, and what to do, in sentences."""
    if problem is None:
        return
    code = str(problem.get("type", "")).rpartition(":")[2]
    yield Text("Problem {code}: {title}", code=code, title=str(problem.get("title", "")))
    for member in ("detail", "cure"):
        if problem.get(member):
            yield f"  {problem[member]}"
    if code.startswith("credentials-"):
        yield Text("  {sentence}", sentence=_HOW_TO_GIVE_THE_KEY)
    yield ""


def _recorded(trial: Trial) -> Iterator[str]:
    if trial.direct:
        return
    if trial.recorded is None:
        yield Text("  (what the gateway spent is not known: /status does not show this call)")
        return
    yield Text("  of that, as the gateway counted:")
    for name, label in _OF_THE_GATEWAY.items():
        seconds = trial.recorded.get(name)
        if isinstance(seconds, int | float):
            yield Text("  {fact}", fact=_fact(label, _milliseconds(seconds)))


def _fact(label: str, value: str) -> Text:
    return Text("  {label} {value}", label=Text("{label}:", label=label), value=value)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
