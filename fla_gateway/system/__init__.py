"""What the kernel is asked for: hardening, Landlock, peer credentials."""
