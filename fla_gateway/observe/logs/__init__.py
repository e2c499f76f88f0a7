"""The log: events, access log, and the thread that writes lines."""
