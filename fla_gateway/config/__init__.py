"""The configuration: its schema, and the loader that reads files and environment into it."""
