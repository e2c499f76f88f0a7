"""The network below both legs: names, addresses, connections, and a tunnel through the corporate proxy."""
