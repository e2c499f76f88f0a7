"""What commands print, and what becomes of it where nothing reads."""
