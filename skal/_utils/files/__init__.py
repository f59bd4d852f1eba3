"""Files: written whole, with checksums, unpickled, and read as tables."""
