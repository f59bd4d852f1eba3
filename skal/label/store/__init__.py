"""What a project stores: its database, tables, settings and locks."""
