"""The composition root: builds the gateway, starts and stops it."""
