"""OAuth 2.0 client credentials with a JWT bearer assertion (RFC 6749 section 4.4, RFC 7523)."""
