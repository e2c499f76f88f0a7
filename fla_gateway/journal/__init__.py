"""The audit journal: what was sent for whom, append-only and chained."""
