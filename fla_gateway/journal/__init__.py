"""The audit journal: what was sent for which caller, append-only and chained."""
