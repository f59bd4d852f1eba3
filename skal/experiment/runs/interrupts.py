"""Ctrl-C: finish and save the current step, then end the run."""

import signal
import threading

from skal.experiment.messages import Interrupted

__all__ = ["StopAfterStep"]


class StopAfterStep:
    """On Ctrl-C, stop after the current step; on a second Ctrl-C, stop at once."""

    # Call `check` after every step. Has no effect outside the main thread, which gets all signals.

    def __init__(self, say, how_to_go_on):
        self.say = say
        self.how_to_go_on = how_to_go_on
        self.asked = False
        self._before = None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *error):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def check(self):
        """Raise `Interrupted` if Ctrl-C was pressed."""
        if self.asked:
            raise Interrupted(self.how_to_go_on)

    def _ask(self, number, frame):
        if self.asked:
            raise Interrupted(self.how_to_go_on)
        self.asked = True
        self.say(
            "stopping after this step, which will be saved; press Ctrl-C again to stop at once"
        )
