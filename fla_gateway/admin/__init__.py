"""The operator's listener: probes and metrics."""
