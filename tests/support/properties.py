"""Settings of the property-based tests: few examples, the same on every run of the CI; many new ones in `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_FACTOR = int(os.environ.get("EXAMPLES_FACTOR", "1"))
"""How many times as many examples are wanted: `make soak` sets it."""
_COMMON = settings(
    deadline=None,
    derandomize=bool(os.environ.get("CI")) and _FACTOR == 1,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture),
)


def examples(number: int) -> settings:
    """Ask for so many examples in `make test`."""
    return settings(_COMMON, max_examples=number * _FACTOR)


BOUNDED = examples(30)
"""For pure functions: a fraction of a second each."""

FEW = examples(10)
"""For what passes through sockets."""
