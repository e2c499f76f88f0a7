"""What can be seen of the gateway from outside: log, metrics."""
