"""How much: rates, concurrency, quota, and the brake of an API that throttles."""
