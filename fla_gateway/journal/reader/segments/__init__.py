"""The files of a journal become lines, and whole blocks are passed over where no line is needed."""
