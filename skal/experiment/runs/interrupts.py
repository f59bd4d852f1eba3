"""Ctrl-C: the step in progress is finished and saved, then the run ends."""

import signal
import threading

from skal.experiment.messages import Interrupted

__all__ = ["StopAfterStep"]


class StopAfterStep:
    """Wait for the end of a step after Ctrl-C; a second Ctrl-C does not wait."""

    # `check` is called after every step. Outside the main thread, which gets no signals, nothing
    # happens.

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
        self.say("stopping after this step, which is saved; Ctrl-C again stops at once")
