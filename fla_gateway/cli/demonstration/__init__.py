"""The parts of `fla-gateway demo`: its environment, the caller, the scenario, and its output."""
