"""Private keys and certificates: where they are read from, what rules they obey, how they sign."""
