"""Metrics: counters, gauges, and their exposition."""
