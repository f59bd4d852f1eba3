"""Distances and similarities between rows, block by block."""
