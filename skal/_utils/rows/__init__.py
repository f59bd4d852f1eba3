"""Rows of X in every container: select, concatenate, fingerprint, summarize."""
