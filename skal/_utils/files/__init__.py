"""Files: written whole, sealed, unpickled, and read as tables."""
