"""The parts of `fla-gateway init`: what was given, the conversation, the files, and the trial in the sandbox."""
