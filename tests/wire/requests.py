"""Data: every raw request vector, by kind."""

from __future__ import annotations

from tests.wire import request_fields, request_framing, request_heads, request_targets

VECTORS = request_framing.VECTORS + request_heads.VECTORS + request_targets.VECTORS + request_fields.VECTORS
