"""The data path: from a caller's request to the API's answer."""
