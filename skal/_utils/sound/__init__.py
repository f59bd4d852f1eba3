"""Sound files: reading, headers, and findings."""
