"""The TOML document: files, includes, merging, expansion, and where a key was written."""
