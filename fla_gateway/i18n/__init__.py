"""The catalogues of messages, and the choice of a language."""
