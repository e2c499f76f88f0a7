"""Rule: whether the gateway is ready, and the reason in a word.

Owns the words of /readyz. Refuses to know the token server and the APIs: an outage over there would take every gateway
out of service over here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Phase = Literal["starting", "listening", "draining", "stopping"]
Reason = Literal["starting", "loading", "serving", "no-profile", "draining", "stopping"]
Ready = Literal["any", "all"]


def judge(phase: Phase, states: Mapping[str, int], ready: Ready) -> Reason:
    """Say why the gateway is ready, or not; it is while this gives ``serving``.

    Args:
        phase: of the process.
        states: number of profiles by `proxy.exchange.served_profile.State`.
        ready: ``any``: one profile that is served is enough; ``all``: every profile has to be.
    """
    if phase != "listening":
        return phase
    loading, served = states.get("loading", 0), states.get("served", 0)
    unavailable = states.get("unavailable", 0)
    if served and (ready == "any" or not loading + unavailable):
        return "serving"
    return "loading" if loading else "no-profile"
