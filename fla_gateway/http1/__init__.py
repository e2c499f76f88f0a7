"""HTTP/1.1 on the wire (RFC 9112): grammar, heads, framing; pure functions and small state machines over bytes."""
