"""A stand-in for the government side: authorization server, APIs, scripted faults."""
