"""Access tokens: when one is fresh, what fetches it, and what happens while none can be fetched."""
