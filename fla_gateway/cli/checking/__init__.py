"""What `fla-gateway check` looks at, and how it is printed."""
