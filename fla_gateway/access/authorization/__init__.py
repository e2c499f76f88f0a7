"""What a caller may do: the allow list and its faults."""
