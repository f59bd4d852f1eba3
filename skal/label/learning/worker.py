"""The training process: trains in the background and restarts if it dies."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time

from skal.label.project import LabelingProject
from skal.label.store import training_rounds
from skal.label.store.project_error import ProjectError

__all__ = ["TrainingWorker", "main"]

# Seconds between checks for new answers.
_POLL = 0.5
# Seconds before each restart; the last one repeats.
_PAUSES = (1, 5, 30, 120, 300)
# After this many seconds a process counts as healthy, and the pauses start over.
_HEALTHY = 600
_GRACE = 10


class TrainingWorker:
    """Trains the model of a project in a separate process."""

    # A process that dies restarts after growing pauses, and its round is recorded as failed.
    # Answers are safe.

    def __init__(self, project):
        self.project = project
        self._described = None
        self._process = None
        self._watcher = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    @property
    def pid(self):
        """Return the process id, or None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self):
        """Start the process and watch it."""
        if self._watcher is None:
            self._described = _describe(self.project)
            self._stopping.clear()
            self._watcher = threading.Thread(target=self._watch, name="worker", daemon=True)
            self._watcher.start()
        return self

    def stop(self):
        """End the process. An unfinished round is lost; answers are not."""
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
        """Run the process until it ends; return how it ended."""
        with self._lock:
            if self._stopping.is_set():
                return None
            try:
                # If the project was removed, a new process would create an empty one in its place.
                self.project.store.check_place()
                self._process = _start(self.project, self._described)
            except (OSError, ProjectError) as error:
                return f"could not be started: {error}"
        code = self._wait()
        self._process.stdin.close()
        return f"ended (signal {-code})" if code < 0 else f"ended (exit status {code})"

    def _wait(self):
        """Wait for the process to end; kill it if it does not stop when told."""
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
    """Pickle what the worker needs, such as its estimator, which is not stored on disk."""
    described = {
        "recordings": str(project.root),
        "folder": str(project.folder.absolute()),
        "store": project.given_store,
        "estimator": project.estimator,
        "embedding": project.embedding,
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
            start_new_session=True,  # Ctrl-C reaches only the server, which then stops the worker
        )
    try:
        process.stdin.write(described)
        process.stdin.flush()
    except BrokenPipeError:
        process.kill()  # the process died before reading; the watcher notices
    return process


def _note_end(project, how):
    """Record that the process ended on its own."""
    message = f"the training process {how} and restarts; see {project.folder / 'log.txt'}"
    try:
        training_rounds.note(project.store, "failed", message)
        training_rounds.end_interrupted(project.store, message)
    except ProjectError:
        return  # the disk is full or the database is gone; the next answer reports it


def main(stream):
    """Train until this process is stopped or its parent is gone."""
    # The server imports this module and starts faster without the trainer's imports.
    from skal.label.learning.trainer import Trainer

    described = pickle.load(stream)
    threading.Thread(target=_end_with, args=(stream,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)
    recordings = described.pop("recordings")
    with LabelingProject(recordings, **described).open(scan=False) as project:

        def tell(n_done, n_clips, n_failed):
            message = f"computing features of {n_done} of {n_clips} recordings"
            training_rounds.note(project.store, "preparing", message)

        trainer = Trainer(project, on_features=tell)
        with _only_one(project, trainer):
            _work(project, trainer)


def _end_with(stream):
    """Exit when the pipe closes, which happens however the parent ends."""
    # Read the descriptor, not the stream: the interpreter takes the stream's lock at exit.
    while os.read(stream.fileno(), 1024):
        time.sleep(0)
    os._exit(0)


@contextlib.contextmanager
def _only_one(project, trainer):
    """Wait until no other process trains the project, then hold it."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(trainer.hold())
                break
            except ProjectError as error:
                if error.code != "locked":
                    raise
                training_rounds.note(project.store, "preparing", str(error))
                time.sleep(_POLL)
        yield


def _work(project, trainer):
    is_noted = False
    while True:
        trained = trainer.step(at_least=project.settings["n_instances"])
        if not is_noted:
            training_rounds.note(project.store, "ok", None)
            is_noted = True
        if trained is None:
            time.sleep(_POLL)


if __name__ == "__main__":
    main(sys.stdin.buffer)
