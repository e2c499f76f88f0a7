"""Messages as they are written to either side: pure rules over fields and bodies."""
