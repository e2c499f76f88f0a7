"""`fla-gateway cert ...`: certificates from the first to the next."""

SUMMARY = "make, look at and replace certificates"
