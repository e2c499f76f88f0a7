"""Value: why a request goes no further.

Owns its shape. Refuses to know which component refuses, and how that is reported (`problems`,
`proxy.downstream.local_reply`).
"""

from __future__ import annotations

from typing import NamedTuple

from fla_gateway.i18n.message import Text


class Refusal(NamedTuple):
    """Why a request goes no further.

    Attributes:
        code: a code of `problems.PROBLEMS`.
        detail: what was found and what to do about it.
        retry_after: whole seconds after which the same request may succeed, or None.
    """

    code: str
    detail: Text
    retry_after: int | None = None
