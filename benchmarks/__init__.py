"""What the gateway costs, measured side by side with its peers on the same work; see docs/performance.md."""
