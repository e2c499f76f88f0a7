"""The format of the journal: lines, hash chain, names of segments."""
