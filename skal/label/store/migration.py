"""Upgrades of tables made by earlier versions of skal."""

from skal.label.store.tables import metadata, settings

__all__ = ["upgrade"]

# Plain SQL, not the table objects: those describe the newest version only.
_FROM_1 = (
    "DROP INDEX asked_by_person",
    "DROP INDEX asked_by_clip",
    "DROP INDEX asked_by_reason",
    "DROP INDEX states_by_answer",
    "DROP TABLE models",
    "ALTER TABLE asked RENAME TO questions",
    "ALTER TABLE states RENAME TO votes",
    "ALTER TABLE answers RENAME COLUMN asked_id TO question_id",
    "ALTER TABLE answers RENAME COLUMN why TO reason",
    "ALTER TABLE classes DROP COLUMN added_at",
    "ALTER TABLE questions DROP COLUMN leased_at",
    "ALTER TABLE queue DROP COLUMN score",
    "ALTER TABLE rounds DROP COLUMN started",
    "ALTER TABLE rounds DROP COLUMN ended",
    "ALTER TABLE rounds DROP COLUMN strategy",
)
_FROM_2 = (
    "ALTER TABLE classes ADD COLUMN merged_into INTEGER REFERENCES classes (id)",
    "ALTER TABLE classes ADD COLUMN retired BOOLEAN DEFAULT FALSE NOT NULL",
)
# They are made again with more columns.
_FROM_3 = (
    "DROP INDEX clips_by_path",
    "DROP INDEX questions_by_reason",
    "DROP INDEX answers_by_person",
    "DROP INDEX votes_by_answer",
)
_STEPS = {1: _FROM_1, 2: _FROM_2, 3: _FROM_3}


def upgrade(connection, version):
    """Upgrade the tables step by step; return the resulting version."""
    while version in _STEPS:
        for statement in _STEPS[version]:
            connection.exec_driver_sql(statement)
        version += 1
        connection.execute(
            settings.update().where(settings.c.key == "version").values(value=version)
        )
        for table in metadata.tables.values():
            for index in table.indexes:
                index.create(connection, checkfirst=True)
    return version
