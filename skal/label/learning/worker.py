"""The training process: it learns in the background, and starts again if it dies."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time

from skal.label.asking.records import ProjectError
from skal.label.store import rounds as publishing

__all__ = ["TrainingWorker", "main"]

# Seconds between two looks for new answers.
_POLL = 0.5
# Pauses before the process is started again, in s; the last one stays.
_PAUSES = (1, 5, 30, 120, 300)
# A process that worked for this long had no trouble to begin with, in s.
_HEALTHY = 600
_GRACE = 10


class TrainingWorker:
    """Trains the model of a project in a process of its own.

    A process that ends is started again, after pauses that grow; what it was doing is written
    down as a failed round. Answers are never touched by it.

    Parameters
    ----------
    project : LabelingProject
        Open.

    Examples
    --------
    >>> from skal.label import LabelingProject, TrainingWorker
    >>> with LabelingProject("recordings") as project:  # doctest: +SKIP
    ...     with TrainingWorker(project):
    ...         project.next("ann")
    """

    def __init__(self, project):
        self.project = project
        self._described = None
        self._process = None
        self._watcher = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    @property
    def pid(self):
        """Return the number of the process, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self):
        """Start the process, and watch it.

        Returns
        -------
        TrainingWorker
            The object itself.
        """
        if self._watcher is None:
            self._described = _describe(self.project)
            self._stopping.clear()
            self._watcher = threading.Thread(target=self._watch, name="worker", daemon=True)
            self._watcher.start()
        return self

    def stop(self):
        """End the process; a round that it was training is lost, no answer is."""
        self._stopping.set()
        with self._lock:
            if self.pid is not None:
                self._process.terminate()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def _watch(self):
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            how = self._run()
            if self._stopping.is_set():
                return
            _note_end(self.project, how)
            is_healthy = time.monotonic() - started > _HEALTHY
            failures = 1 if is_healthy else min(failures + 1, len(_PAUSES))
            self._stopping.wait(_PAUSES[failures - 1])

    def _run(self):
        """Run the process until it ends; return how it did."""
        with self._lock:
            if self._stopping.is_set():
                return None
            try:
                self._process = _start(self.project, self._described)
            except OSError as error:
                return f"could not be started: {error}"
        code = self._wait()
        self._process.stdin.close()
        return f"ended (signal {-code})" if code < 0 else f"ended (exit status {code})"

    def _wait(self):
        """Wait for the process to end; if it was told to and does not, kill it."""
        while True:
            try:
                return self._process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self._stopping.wait(0):
                    break
        try:
            return self._process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _describe(project):
    """Pickle what the process is to know: what learns is not kept on disk."""
    described = {
        "recordings": str(project.root),
        "folder": str(project.folder.absolute()),
        "store": project.given_store,
        "estimator": project.estimator,
        "strategy": project.strategy,
        "initial_strategy": project.initial_strategy,
    }
    return pickle.dumps(described)


def _start(project, described):
    log = open(project.folder / "log.txt", "ab")  # noqa: SIM115
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "skal.label.learning.worker"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C ends the server, which ends this process itself
        )
    try:
        process.stdin.write(described)
        process.stdin.flush()
    except BrokenPipeError:
        process.kill()  # it ended before it could read: the watcher sees that
    return process


def _note_end(project, how):
    """Write down that the process ended by itself."""
    message = (
        f"the training process {how}, and is started again; {project.folder / 'log.txt'} says more"
    )
    try:
        publishing.note(project.store, "failed", message)
        publishing.end_interrupted(project.store, message)
    except ProjectError:
        return  # the disk is full, or the data base gone: people are told when they answer


def main(stream):
    """Train until the process is ended, or the one that it works for is gone.

    Parameters
    ----------
    stream : binary file
        The project and what learns, pickled by `TrainingWorker`, which keeps it open.
    """
    # Only here: the server itself never trains, and starts sooner without what that needs.
    from skal.label.learning.trainer import Trainer
    from skal.label.project import LabelingProject

    described = pickle.load(stream)
    threading.Thread(target=_end_with, args=(stream,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)
    recordings = described.pop("recordings")
    with LabelingProject(recordings, **described).open(scan=False) as project:

        def tell(n_done, n_clips, n_failed):
            message = f"computing features of {n_done} of {n_clips} recordings"
            publishing.note(project.store, "preparing", message)

        trainer = Trainer(project, on_features=tell)
        with _only_one(project, trainer):
            _work(project, trainer)


def _end_with(stream):
    """End when the other end of the pipe is closed, as it is however that process ended."""
    # Past the stream's own lock, which the interpreter needs when it ends.
    while os.read(stream.fileno(), 1024):
        time.sleep(0)
    os._exit(0)


@contextlib.contextmanager
def _only_one(project, trainer):
    """Hold the project as soon as no other process trains it."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(trainer.hold())
                break
            except ProjectError as error:
                if error.code != "locked":
                    raise
                publishing.note(project.store, "preparing", str(error))
                time.sleep(_POLL)
        yield


def _work(project, trainer):
    is_noted = False
    while True:
        trained = trainer.step(at_least=project.settings["n_instances"])
        if not is_noted:
            publishing.note(project.store, "ok", None)
            is_noted = True
        if trained is None:
            time.sleep(_POLL)


if __name__ == "__main__":
    main(sys.stdin.buffer)
