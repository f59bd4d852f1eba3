"""Progress of runs: a bar in a terminal, plain lines elsewhere."""

import contextlib

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Reporter", "duration_text", "round_line"]


def round_line(record):
    """Describe a round, an entry of a campaign's ``history_``, in one line."""
    return (
        f"round {record['round']:>3}  labels {record['n_labeled']:>5}  "
        f"accuracy {record['eval_accuracy']:.4f}  macro F1 {record['eval_f1']:.4f}  "
        f"training {record['seconds_fit']:6.2f} s  choosing {record['seconds_query']:5.2f} s"
    )


def duration_text(seconds):
    """Return a duration as text: "40 s", "12 min" or "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


class Reporter:
    """Prints lines and progress, and copies lines to a log while one is open."""

    # `verbose=0` prints nothing; `advance` replaces the progress bars.

    def __init__(self, verbose=1, advance=None):
        self.console = Console(quiet=not verbose, highlight=False, soft_wrap=True)
        self._advance = advance
        self._write = None

    @contextlib.contextmanager
    def logging(self, write):
        """Also call `write` with every line."""
        self._write = write
        try:
            yield
        finally:
            self._write = None

    def line(self, text):
        """Print a line and log it."""
        self.console.print(text, markup=False)
        if self._write is not None:
            self._write(text)

    @contextlib.contextmanager
    def bar(self, what, total):
        """Show a progress bar with the time left, on terminals only."""
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=self.console.quiet or not self.console.is_terminal,
        )
        task, outer = progress.add_task(what, total=total), self._advance
        if outer is None:
            self._advance = lambda done: progress.update(task, completed=done)
        try:
            with progress:
                yield
        finally:
            self._advance = outer

    def advance(self, done):
        """Set the bar to the number of finished items."""
        if self._advance is not None:
            self._advance(done)
