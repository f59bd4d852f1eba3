"""Run folders, project folders and models that an earlier version wrote still open.

The files in the folder "before" were made with commit 46678a7, by the following script; a run's
log, environment and picture, a project's features and models but its newest are left out, and
its database is kept as text. ::

    import shutil, sqlite3
    from pathlib import Path
    import joblib
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from skal.audio import LogMelSpectrogram
    from skal.experiment.params.parameters import load_params
    from skal.experiment.runs.run import run_experiment
    from skal.label import LabelingProject
    from skal.models import CNNClassifier, DenseNet, TensorFlowClassifier
    from tests.label.recordings import answer_next, write_tones

    features = {"sr": 8000, "n_fft": 256, "hop_length": 400, "n_mels": 6, "duration": 0.1}
    data = {"name": "sounds", "n_samples": 24, "n_classes": 2, "duration": 0.1, "random_state": 0}
    params = {"dataset": data, "features": features | {"name": "log_mel"}, "random_seed": 1}
    params |= {"model": "logistic_regression", "n_initial": 4, "n_instances": 4, "budget": 12}
    run_experiment(load_params(params | {"split": "random", "verbose": 0})[0])
    shutil.move("outputs/sounds/margin/1", "run")

    truth = write_tones(Path("recordings"), 8, duration=0.1)
    model = make_pipeline(LogMelSpectrogram(**features, flatten=True), LogisticRegression())
    given = {"estimator": model, "n_instances": 2, "audit_share": 0.0, "random_state": 0}
    given |= {"folder": "project", "window": 0.1}
    with LabelingProject("recordings", ["low", "high"], **given) as p:
        p.train()
        answer_next(p, "ann", truth, 6)
        p.train()
    with sqlite3.connect("project/project.sqlite") as database:
        Path("project/project.sql").write_text("\\n".join(database.iterdump()))

    X, y = [[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]], ["a", "b", "a", "b"]
    for made in (CNNClassifier, TensorFlowClassifier):
        network = made(DenseNet((2,)), steps=5, random_state=0).fit(X, y)
        print(network.predict_proba(X))
        joblib.dump(network, f"{made.__name__}.joblib")
"""

import csv
import io
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal.audio import LogMelSpectrogram
from skal.cli import main
from skal.label import LabelingProject
from skal.recognizer import Recognizer
from tests.label.recordings import answer_next, train, write_tones

BEFORE = Path(__file__).parent / "before"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with a run, a project and its recordings, which is the current one."""
    shutil.copytree(BEFORE, tmp_path, dirs_exist_ok=True)
    with sqlite3.connect(tmp_path / "project" / "project.sqlite") as database:
        database.executescript((tmp_path / "project" / "project.sql").read_text())
    database.close()
    write_tones(tmp_path / "recordings", 8, duration=0.1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys, *argv):
    with pytest.raises(SystemExit) as caught:
        main(list(argv))
    said = capsys.readouterr()
    assert not caught.value.code, said.err
    return list(csv.DictReader(io.StringIO(said.out, newline=""))), said


def test_a_run_predicts(place, capsys):
    rows, said = call(capsys, "predict", "run", "recordings")
    assert "run/model.joblib contains a Python pickle" in said.err
    assert len(rows) == 8
    with (place / "run" / "queries.csv").open(newline="") as file:
        classes = {row["label"] for row in csv.DictReader(file)}
    assert all(sum(float(row[name]) for name in classes) == pytest.approx(1) for row in rows)


def test_a_run_resumes_and_saves_its_model_as_today(place, capsys):
    before = Recognizer.load("run")
    assert "nothing to resume" in call(capsys, "run", "--resume", "run")[1].out
    (place / "run" / "manifest.json").unlink()
    call(capsys, "run", "--resume", "run")
    (place / "run" / "model.joblib").unlink()
    paths = sorted(str(path) for path in (place / "recordings").iterdir())
    expected = before.predict_proba(paths)
    np.testing.assert_allclose(Recognizer.load("run").predict_proba(paths), expected, atol=1e-6)
    accuracy = json.loads((place / "run" / "summary.json").read_text())["accuracy"]
    assert accuracy == json.loads((BEFORE / "run" / "summary.json").read_text())["accuracy"]


def test_a_project_predicts_and_exports(place, capsys):
    rows, said = call(capsys, "predict", "project", "recordings")
    assert "models/round-0000.joblib contains a Python pickle" in said.err
    assert [row["label"] for row in rows] == ["low", "high"] * 4
    assert {(row["start"], row["end"]) for row in rows} == {("0.0", "0.1")}
    rows, _ = call(capsys, "label", "recordings", "--project", "project", "--export", "csv")
    assert {row["path"]: row["label"] for row in rows} == {
        f"{i:04d}.wav": ("low", "high")[i % 2] for i in (0, 2, 4, 5, 6, 7)
    }


def test_a_project_goes_on(place):
    """The campaign in its checkpoint, of a format of before, begins again."""
    given = {"sr": 8000, "n_fft": 256, "hop_length": 400, "n_mels": 6, "duration": 0.1}
    model = make_pipeline(LogMelSpectrogram(**given, flatten=True), LogisticRegression())
    truth = {f"{i:04d}.wav": ("low", "high")[i % 2] for i in range(8)}
    with LabelingProject("recordings", folder="project", estimator=model) as project:
        assert project.progress().training.round == 0
        assert answer_next(project, "ben", truth, 2) == ["0001.wav", "0003.wav"]
        with pytest.warns(UserWarning, match="the last campaign cannot continue"):
            assert train(project) == 1
        assert project.model_path().name == "round-0001.skal"
        assert len(project.labels()) == len(project.answers()) == 8
    assert Recognizer.load("project").window == 0.1


@pytest.mark.parametrize(
    ("name", "engine", "first"),
    [
        ("CNNClassifier", "keras", [0.49521613, 0.52111724, 0.45175029, 0.56491761]),
        ("TensorFlowClassifier", "tensorflow", [0.49521612, 0.52111721, 0.4517503, 0.56491756]),
    ],
)
def test_a_network_predicts_as_it_did_and_can_be_fitted_again(name, engine, first):
    model = Recognizer.load(BEFORE / f"{name}.joblib").model
    assert model.get_params()["engine"] == engine
    X = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], first, atol=1e-6)
    expected = model.predict_proba(X)
    # The same network and seed: the engine at hand is reused, and learns the same again.
    network = model._ready_engine()
    np.testing.assert_allclose(model.fit(X, list("abab")).predict_proba(X), expected, atol=1e-6)
    assert model._ready_engine() is network
