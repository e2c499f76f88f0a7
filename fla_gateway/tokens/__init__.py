"""When a token is fresh, who fetches it, and what happens while none can be had."""
