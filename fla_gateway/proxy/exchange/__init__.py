"""One exchange: from an admitted request to its record."""
