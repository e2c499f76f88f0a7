"""Rule: what the gateway knows of itself that may explain why a server is not trusted.

Owns the sentences about the clock and about files that have changed. Refuses to name a file: callers read them, and the
status page has the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fla_gateway.i18n.message import NOTHING, Sentence, Text, joined
from fla_gateway.oauth.clock_skew import NOTEWORTHY, warning

_CHANGED: Final = Text(
    "Files that the gateway was started with have changed since; its operator sees on the status page which, and can "
    "reload them."
)


class TrustHints:
    """Gives the sentences that hold at this moment; empty where there is nothing to say.

    Attributes:
        has_changed: whether files have changed since they were read; the reloader knows.
    """

    def __init__(self, offsets: Callable[[], Mapping[str, float]]) -> None:
        """Take what knows the clock.

        Args:
            offsets: gives the seconds by which token servers' clocks are ahead of this host's.
        """
        self._offsets = offsets
        self.has_changed: Callable[[], bool] = lambda: False

    def __call__(self) -> Text:
        """Write them."""
        return joined((self._of_clock(), _CHANGED if self.has_changed() else NOTHING))

    def _of_clock(self) -> Text:
        offset = max(self._offsets().values(), key=abs, default=0.0)
        return NOTHING if abs(offset) <= NOTEWORTHY else Sentence("{what}", what=warning(offset))
