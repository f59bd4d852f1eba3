"""Comparisons of strategies: runs, figures, and the report."""
