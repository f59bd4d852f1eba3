"""The error that a labeling project raises."""

__all__ = ["ProjectError"]


class ProjectError(ValueError):
    """A labeling project cannot do what it was asked to do.

    Parameters
    ----------
    code : str
        Kind of error, for programs: "unknown_clip", "unknown_class", "unknown_question",
        "lease_lost" (another person holds the clip or answered), "superseded" (the answer was
        taken back or corrected meanwhile), "not_ready" (a search lacks features or labels),
        "bad_answer", "bad_class", "bad_settings",
        "no_such_project", "locked" (another process holds it), "disk_full", "read_only",
        "store" (the database cannot be reached, or is broken), "address" (the server cannot
        listen there, or a public name is none).
    message : str
        What was wrong, where, and what to do, for people.

    See Also
    --------
    LabelingProject : Raises it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.label import LabelingProject, ProjectError
    >>> folder = TemporaryDirectory()
    >>> sounds = write_sounds(make_sounds(2, 2, random_state=0), folder.name)
    >>> with folder, LabelingProject(folder.name, ["dog", "siren"]) as project:
    ...     question = project.next("ann")
    ...     try:
    ...         project.answer(question.question_id, "ann", "label", "cat")
    ...     except ProjectError as error:
    ...         print(error.code)
    unknown_class
    """

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return self.message
