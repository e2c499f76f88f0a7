"""Why a profile cannot be served, step by step."""
