"""When bytes of an exchange were last seen to move."""

from __future__ import annotations

from fla_gateway.proxy.exchange.progress import Progress


def test_time_counts_from_the_sweep_that_saw_a_byte_move():
    """Not from the byte itself: a sweep is all that looks."""
    progress = Progress(0, 10.0)
    assert progress.still(0, 12.0) == 2.0
    assert progress.still(5, 13.0) == 0.0
    assert progress.still(5, 17.0) == 4.0
