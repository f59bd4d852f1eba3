"""Shared helpers, which import nothing from the rest of skal."""
