"""Traces: spans, their queue, and the OTLP exporter."""
