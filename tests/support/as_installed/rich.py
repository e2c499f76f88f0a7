"""Hides rich, a developer's tool that structlog would load into every gateway: users have none, and it costs 0.1 s."""

from __future__ import annotations

message = "rich is not installed with the gateway"
raise ImportError(message)
