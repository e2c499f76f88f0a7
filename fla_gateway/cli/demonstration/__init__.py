"""The parts of `fla-gateway demo`: the stage, the caller, the story, and how it is told."""
