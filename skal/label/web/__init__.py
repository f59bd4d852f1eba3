"""The page, its API, and the server of both."""
