"""The status of the gateway: values, page and JSON."""
