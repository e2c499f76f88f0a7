"""Value: a call that was made, as JSON.

Owns the form, which is part of the public contract (docs/commands.md). Refuses to hold a key or a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fla_gateway.cli.trial.call import shown_fields
from fla_gateway.cli.trial.trial import SHOWN_BODY, Response, Trial

RECORDED: Final = ("token_seconds", "connection_seconds", "upstream_seconds", "seconds")
"""What /status says of the time of a call."""


def document(trial: Trial) -> dict[str, Any]:
    """Write a call as the members of a JSON object."""
    call, response = trial.call, trial.response
    return {
        "ok": trial.is_well,
        "profile": trial.profile,
        "direct": trial.direct,
        "request": {
            "method": call.method,
            "url": trial.url,
            "fields": [list(it) for it in shown_fields(call)],
            "credential": trial.credential or None,
            "body_bytes": len(call.body or b""),
        },
        "response": {
            "status": response.status,
            "reason": response.reason,
            "fields": [list(it) for it in response.fields],
            "body": body_text(response),
            "body_cut": is_cut(response),
            "whole": response.whole,
        },
        "problem": response.problem,
        "timing": {
            **{f"{name}_seconds": round(seconds, 6) for name, seconds in trial.phases},
            "gateway": _recorded(trial.recorded),
        },
        "trace": {
            "request_id": trial.request_id or None,
            "sent": call.trace,
            "received": trial.trace_received or None,
        },
        "curl": trial.curl,
    }


def body_text(response: Response) -> str | None:
    """Give what is shown of a body; None where it is no text."""
    shown = response.body[:SHOWN_BODY]
    try:
        return shown.decode()
    except UnicodeDecodeError as error:
        # Cut within a character: that much of it is text.
        return shown[: error.start].decode() if len(shown) - error.start < 4 and is_cut(response) else None  # noqa: PLR2004 - octets of UTF-8


def is_cut(response: Response) -> bool:
    """Whether more of a body came than is shown."""
    return len(response.body) > SHOWN_BODY


def _recorded(recorded: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if recorded is None else {name: recorded.get(name) for name in RECORDED}
