"""Alerts: what a person has to know, and its way out by mail and webhook."""
