"""The page, its API, and their server."""
