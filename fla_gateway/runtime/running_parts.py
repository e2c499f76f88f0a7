"""Root: what a reload finds of the running process.

Owns the words for it. Refuses to do anything; it is imported at the start, the reload (`runtime.reload_preparation`)
later.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fla_gateway.clock import Clock
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.runtime.composition.gateway import ProcessContext
from fla_gateway.runtime.composition.resolved_config import Configured
from fla_gateway.runtime.composition.trust_store import Trust
from fla_gateway.runtime.monitoring.telemetry import Observation
from fla_gateway.runtime.profile_keys import Activation

if TYPE_CHECKING:  # the start must not wait for it
    from fla_gateway.oauth.client import TokenClient

Cause = Literal["signal", "admin", "watch"]
Follower = Callable[[Configured], Callable[[], None]]
"""Prepares to follow a configuration, and returns what does; raises ConfigurationError where that is not possible."""


@dataclass(frozen=True, slots=True)
class RunningParts:
    """The parts of the process that a reload changes or uses.

    Attributes:
        started: the configuration that the process was started with.
        may_read: whether the process may read a path; Landlock confines it to what it knew at its start.
        context: what the first generation was built into.
        trust: of the first generation.
        client: asks for tokens.
        activation: serves profiles as their keys allow it.
        observation: what watches.
        clock: the host's clocks.
        cluster: ends what verifies the service accounts of the first generation.
    """

    started: Configured
    may_read: Callable[[Path], bool]
    context: ProcessContext
    trust: Trust
    client: TokenClient
    activation: Activation
    observation: Observation
    clock: Clock
    cluster: AsyncExitStack = field(default_factory=AsyncExitStack)


@dataclass(frozen=True, slots=True)
class Former:
    """What the generation in force was made with.

    Attributes:
        configured: its configuration.
        context: what it was built into.
        trust: the authorities of its connections.
    """

    configured: Configured
    context: ProcessContext
    trust: Trust
