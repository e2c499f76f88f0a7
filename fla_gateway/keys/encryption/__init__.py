"""How key files are encrypted: schemes, ciphers, spellings of a password."""
