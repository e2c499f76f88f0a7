"""Settings of the property-based tests: bounded, and the same examples on every run of the CI."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_COMMON = settings(
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    database=None,
    suppress_health_check=(HealthCheck.too_slow,),
)

BOUNDED = settings(_COMMON, max_examples=200)
"""For pure functions: a fraction of a second each."""

FEW = settings(_COMMON, max_examples=40)
"""For what passes through sockets."""
