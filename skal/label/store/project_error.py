"""The error that a labeling project raises."""

__all__ = ["ProjectError"]


class ProjectError(ValueError):
    """A labeling project cannot do what it was asked to do.

    Parameters
    ----------
    code : str
        Kind of error, for programs: "unknown_clip", "unknown_class", "unknown_question",
        "lease_lost" (another person holds the clip or answered), "superseded" (the answer was
        taken back or corrected meanwhile), "bad_answer", "bad_class", "bad_settings",
        "no_such_project", "locked" (another process holds it), "disk_full", "read_only",
        "store" (the database cannot be reached, or is broken), "address" (the server cannot
        listen there, or a public name is none).
    message : str
        What was wrong, where, and what to do, for people.
    """

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return self.message
