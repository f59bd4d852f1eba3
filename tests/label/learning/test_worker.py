"""The training process, and what is left when processes are killed."""

import contextlib
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from skal.label import LabelingProject
from skal.label.learning.worker import TrainingWorker
from skal.label.store.training_rounds import list_rounds
from skal.recognizer import Recognizer
from tests.label.recordings import answer_next, write_tones


def wait_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.05)
    return found


@pytest.fixture
def sounds(tmp_path):
    """Return a folder of 60 tones, and the class of each."""
    return tmp_path / "sounds", write_tones(tmp_path / "sounds", 60)


@pytest.fixture
def project(sounds):
    """Return an open project that learns quickly."""
    given = {"estimator": LogisticRegression(max_iter=300), "n_instances": 4}
    with LabelingProject(sounds[0], ["low", "high"], **given) as project:
        yield project


def n_done(project):
    return sum(row.status == "done" for row in list_rounds(project.store))


def test_the_worker_learns_in_the_background(project, sounds):
    _, truth = sounds
    with TrainingWorker(project) as worker:
        question = wait_for(lambda: next_of_reason(project, "initial"))
        assert question.round is None
        answer_next(project, "ann", truth, 8)
        wait_for(lambda: n_done(project) == 1)
        assert worker.pid != os.getpid()
        question = wait_for(lambda: next_of_reason(project, "chosen"))
        assert question.round == 0
        answer_next(project, "ann", truth, 4)
        wait_for(lambda: n_done(project) == 2)
        pid = worker.pid
        if hasattr(os, "getpriority"):
            own = os.getpriority(os.PRIO_PROCESS, 0)
            assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, own + 10)
    assert worker.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    model = Recognizer.load(project.model_path()).model
    assert model.predict([str(project.root / "0000.wav")])[0] in ("low", "high")


def next_of_reason(project, reason):
    """Ask until a question has a reason."""
    question = project.next("ann")
    if question.reason == reason:
        return question
    project.release("ann")
    return None


def test_a_worker_that_is_killed_is_shown_and_started_again(project, sounds, monkeypatch):
    monkeypatch.setattr("skal.label.learning.worker._PAUSES", (0.1,))
    _, truth = sounds
    with TrainingWorker(project) as worker:
        answer_next(project, "ann", truth, 10)
        wait_for(lambda: n_done(project) == 1)
        killed = worker.pid
        os.kill(killed, signal.SIGKILL)
        training = wait_for(lambda: failed(project))
        assert "signal 9" in training.message
        assert "log.txt" in training.message
        answer_next(project, "ann", truth, 4)
        wait_for(lambda: n_done(project) == 2)
        assert worker.pid != killed
        wait_for(lambda: project.progress().training.status == "idle")
    assert len(project.answers()) == 14


def failed(project):
    training = project.progress().training
    return training if training.status == "failed" else None


def test_a_worker_that_cannot_work_says_why(sounds, monkeypatch):
    monkeypatch.setattr("skal.label.learning.worker._PAUSES", (30,))
    folder, _ = sounds
    given = {"estimator": LogisticRegression(C="nonsense"), "n_instances": 4}
    with LabelingProject(folder, ["low", "high"], **given) as project:
        for clip in range(8):
            project.relabel(clip, "ann", "label", ("low", "high")[clip % 2])
        with TrainingWorker(project):
            wait_for(lambda: "exit status 1" in (project.progress().training.message or ""))
            training = project.progress().training
            assert training.status == "failed"
            assert "Got 'nonsense'" in training.message
            assert project.next("ann") is not None
        assert "InvalidParameterError" in (project.folder / "log.txt").read_text()


def test_what_cannot_be_sent_is_refused_at_once(project):
    project.strategy = lambda learner, X, n_instances: range(n_instances)
    with pytest.raises((AttributeError, pickle.PicklingError)), TrainingWorker(project):
        pass


def test_a_worker_that_cannot_be_started_is_tried_again(project, monkeypatch):
    monkeypatch.setattr("skal.label.learning.worker._PAUSES", (0.1,))
    log = project.folder / "log.txt"
    log.mkdir()
    with TrainingWorker(project) as worker:
        assert "could not be started" in wait_for(lambda: failed(project)).message
        log.rmdir()
        wait_for(lambda: project.progress().training.status == "waiting")
        assert worker.pid is not None


def test_a_worker_makes_no_project_where_one_was_removed(project, sounds):
    (sounds[0] / ".skal").rename(sounds[0].with_name("away"))
    (sounds[0] / ".skal").mkdir()
    worker = TrainingWorker(project)
    worker._described = b""
    assert "was removed or replaced" in worker._run()
    assert list((sounds[0] / ".skal").iterdir()) == []


def test_a_worker_without_its_parent_ends(project):
    code = (
        "import sys, time\n"
        "from skal.label import LabelingProject\n"
        "from skal.label.learning.worker import TrainingWorker\n"
        "project = LabelingProject(sys.argv[1]).open()\n"
        "worker = TrainingWorker(project).start()\n"
        "while worker.pid is None: time.sleep(0.05)\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(project.root)], stdout=subprocess.PIPE, text=True
    )
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for(lambda: not is_running(pid))


def is_running(pid):
    try:
        return "(sd-pam)" not in Path(f"/proc/{pid}/stat").read_text() and not is_zombie(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False


def is_zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


class Client:
    """A labeling process that is killed and started again."""

    def __init__(self, recordings, person, folder):
        self.person = person
        self.diary = folder / f"{person}.diary"
        self.command = [sys.executable, "-m", "tests.label.clients", str(recordings), person]
        self.command.append(str(self.diary))
        self.process = None

    def start(self):
        root = Path(__file__).parents[3]
        self.process = subprocess.Popen(self.command, cwd=root)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def n_confirmed(self):
        return len(self.diary.read_text().splitlines()) if self.diary.exists() else 0

    def confirmed(self):
        return [tuple(line.split()) for line in self.diary.read_text().splitlines()]


def check_nothing_is_lost_or_doubled(project, clients):
    """Compare what clients were promised with what is there."""
    # First the promises: the other client goes on while we look.
    promised = {(client.person, int(clip)) for client in clients for _, clip in client.confirmed()}
    answers = project.answers()
    assert len({answer.clip_id for answer in answers}) == len(answers)
    assert len({answer.question_id for answer in answers}) == len(answers)
    assert promised <= {(answer.person, answer.clip_id) for answer in answers}
    assert {row.label == ("low", "high")[row.clip_id % 2] for row in project.labels()} == {True}


def is_learned(project, n_labels):
    rounds = list_rounds(project.store)
    return bool(rounds) and (rounds[-1].n_labels, rounds[-1].status) == (n_labels, "done")


def label_under_fire(sounds, tmp_path, n_kills, seed, n_clips):
    """Let two clients label while they and the worker are killed; return the project."""
    rng = random.Random(seed)
    given = {"estimator": LogisticRegression(max_iter=300), "n_instances": 4, "lease": 3600}
    project = LabelingProject(sounds[0], ["low", "high"], **given).open()
    clients = [Client(sounds[0], person, tmp_path) for person in ("ann", "bob")]
    with contextlib.ExitStack() as ending:
        worker = ending.enter_context(TrainingWorker(project))
        for client in clients:
            client.start()
            ending.callback(client.kill)
        for _ in range(n_kills):
            victim = rng.choice([*clients, worker])
            before = sum(client.n_confirmed() for client in clients)
            wait_for(lambda: worker.pid)
            if victim is worker:
                time.sleep(rng.uniform(0, 1))
                if worker.pid is not None:
                    os.kill(worker.pid, signal.SIGKILL)
                continue
            wait_for(
                lambda: (
                    sum(c.n_confirmed() for c in clients) > before  # noqa: B023
                    or all(c.process.poll() is not None for c in clients)
                )
            )
            time.sleep(rng.uniform(0, 0.05))
            victim.kill()
            check_nothing_is_lost_or_doubled(project, [c for c in clients if c.diary.exists()])
            victim.start()
        for client in clients:
            assert client.process.wait(timeout=300) == 0
        check_nothing_is_lost_or_doubled(project, clients)
        assert sorted(row.clip_id for row in project.labels()) == list(range(n_clips))
        wait_for(lambda: is_learned(project, n_clips))
    return project


def test_kill_9_loses_and_doubles_nothing(sounds, tmp_path, monkeypatch):
    monkeypatch.setattr("skal.label.learning.worker._PAUSES", (0.1,))
    label_under_fire(sounds, tmp_path, n_kills=3, seed=0, n_clips=60).close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kill_9_during_200_answers_of_two_people(tmp_path, monkeypatch, seed):
    monkeypatch.setattr("skal.label.learning.worker._PAUSES", (0.1,))
    sounds = tmp_path / "sounds", write_tones(tmp_path / "sounds", 200)
    project = label_under_fire(sounds, tmp_path, n_kills=25, seed=seed, n_clips=200)
    assert len(project.answers()) == 200
    project.close()
