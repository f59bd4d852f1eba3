"""What a run says while it runs: a progress bar on a terminal, plain lines elsewhere."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Reporter", "round_line"]


def round_line(record):
    """Describe a round in one line.

    Parameters
    ----------
    record : dict
        Entry of a campaign's ``history_``.

    Returns
    -------
    str
    """
    return (
        f"round {record['round']:>3}  labels {record['n_labeled']:>5}  "
        f"accuracy {record['eval_accuracy']:.4f}  macro F1 {record['eval_f1']:.4f}  "
        f"training {record['seconds_fit']:6.2f} s  choosing {record['seconds_query']:5.2f} s"
    )


class Reporter:
    """Shows lines and progress, and keeps the lines for a log.

    Parameters
    ----------
    verbose : int, default=1
        0: show nothing; lines are still logged.
    """

    def __init__(self, verbose=1):
        self.console = Console(quiet=not verbose, highlight=False, soft_wrap=True)
        self.lines = []
        self.log = None
        self._bar = None

    def open_log(self, write):
        """Log all lines so far, and those to come.

        Parameters
        ----------
        write : callable
            Called with each line.
        """
        self.log = write
        for line in self.lines:
            write(line)

    def line(self, text):
        """Show a line, and log it.

        Parameters
        ----------
        text : str
            The line.
        """
        self.console.print(text, markup=False)
        if self.log is None:
            self.lines.append(text)
        else:
            self.log(text)

    def close_log(self):
        """Stop logging; further lines are shown, and kept for the next log."""
        self.log, self.lines = None, []

    def bar(self, what, total):
        """Make a progress bar with the time left; nothing where there is no terminal.

        Parameters
        ----------
        what : str
            What is counted.
        total : int
            The number at the end.

        Returns
        -------
        ProgressBar
            A context manager; call it with the number done.
        """
        return ProgressBar(self.console, what, total)


class ProgressBar:
    """A progress bar, shown on terminals only.

    Parameters
    ----------
    console : rich.console.Console
        Where.
    what : str
        What is counted.
    total : int
        The number at the end.
    """

    def __init__(self, console, what, total):
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *error):
        self._progress.stop()

    def __call__(self, done):
        self._progress.update(self._task, completed=done)
