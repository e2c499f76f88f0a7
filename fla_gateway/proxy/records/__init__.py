"""What is recorded of an exchange."""
