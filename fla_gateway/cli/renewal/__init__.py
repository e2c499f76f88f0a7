"""What the commands share that replace a certificate."""
