"""What a project keeps: its data base, tables, settings and locks."""
