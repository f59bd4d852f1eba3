"""Methods of a project that change its classes; skal.label.asking.classes does the work."""

from skal.label.asking import classes

__all__ = ["ClassChanges"]


class ClassChanges:
    """Methods of `skal.label.LabelingProject` for its classes; they use its `store`."""

    @property
    def classes(self):
        """Return the classes, a tuple of ClassInfo."""
        with self.store.read() as connection:
            return classes.list_classes(connection)

    @property
    def former_classes(self):
        """Return former class names, a tuple of FormerClass."""
        with self.store.read() as connection:
            return classes.list_former(connection)

    @property
    def nothing(self):
        """Return the name of the class for nothing of interest, or None."""
        return next((info.name for info in self.classes if info.nothing), None)

    def mark_nothing(self, name):
        """Mark a class as that for clips without any sound of interest.

        The model learns it like any other class. It is displayed apart from the others,
        `skal.recognizer.write_predictions` calls its clips "none of these", and files for programs
        that mark sounds leave it out.

        Parameters
        ----------
        name : str or None
            The class, which is added if it is new. At most one class is marked. None: no class.

        Raises
        ------
        ProjectError
            With code "bad_class" if the class cannot be added.
        """
        with self.store.write() as connection:
            classes.mark_nothing(connection, name)

    def add_class(self, name, key=None):
        """Add a class.

        Parameters
        ----------
        name : str
            Its name.
        key : str, default=None
            The key that gives this class. None: a free one.

        Returns
        -------
        ClassInfo
            An existing class of that name is returned as it is.

        Raises
        ------
        ProjectError
            With code "bad_class" if the name is unprintable or belongs to a former class, or the
            key is taken.
        """
        with self.store.write() as connection:
            return classes.add_class(connection, name, key)

    def rename_class(self, name, new):
        """Rename a class. Its answers stay with it.

        The former name still refers to the class, for example in imported tables.

        Parameters
        ----------
        name : str
            The class.
        new : str
            Its new name.

        Raises
        ------
        ProjectError
            With code "unknown_class" if there is no such class, "bad_class" if the new name is
            unprintable or taken.
        """
        with self.store.write() as connection:
            classes.rename_class(connection, name, new)

    def merge_class(self, name, into):
        """Count the answers of a class as answers of another class.

        The answers stay on record as they were given: `restore_class` separates them again.

        Parameters
        ----------
        name : str
            The class, which is no longer offered.
        into : str
            The class that takes over.

        Returns
        -------
        int
            Number of clips with such answers.

        Raises
        ------
        ProjectError
            With code "unknown_class" if there is no such class, "bad_class" if both are the same
            class.
        """
        with self.store.write() as connection:
            return classes.merge_class(connection, name, into)

    def retire_class(self, name):
        """Stop offering a class, and stop counting its answers.

        People are asked about these clips again. The answers stay on record, and
        `restore_class` brings the class back with them.

        Parameters
        ----------
        name : str
            The class.

        Returns
        -------
        int
            Number of clips with such answers.

        Raises
        ------
        ProjectError
            With code "unknown_class" if there is no such class.
        """
        with self.store.write() as connection:
            return classes.retire_class(connection, name)

    def restore_class(self, name):
        """Bring back a class that was retired or merged, with its answers.

        Parameters
        ----------
        name : str
            The class.

        Returns
        -------
        ClassInfo

        Raises
        ------
        ProjectError
            With code "unknown_class" if no class of that name was retired or merged.
        """
        with self.store.write() as connection:
            return classes.restore_class(connection, name)
