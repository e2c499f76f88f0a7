"""Writing the journal: intents, outcomes, segments, retention, and what happens when the disk fails."""
