"""How exchanges are shown: as a table, as CSV, in local time."""
