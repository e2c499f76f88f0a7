"""The sockets that callers reach: binding, accepting, TLS, and what a transport proves of a peer."""
