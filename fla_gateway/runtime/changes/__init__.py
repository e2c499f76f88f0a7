"""What of a configuration differs from another, and what of that a reload does not do by itself."""
