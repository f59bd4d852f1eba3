"""Storage of a project: database, tables, settings, and locks."""
