"""What the commands share that look into a file with a key or a certificate."""
