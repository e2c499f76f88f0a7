"""From the head of a request to the decision whether it is admitted."""
