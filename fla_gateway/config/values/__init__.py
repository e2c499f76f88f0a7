"""Values of single keys and what they may look like."""
