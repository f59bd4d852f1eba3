"""The same embedding in a project, in experiments and on the command line."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal._utils.sound.windows import Window
from skal.audio import FeatureCache, PretrainedEmbedding
from skal.audio.embedding.spec import as_embedding, parse_embedding
from skal.experiment.params.parameters import load_params
from skal.label import LabelingProject, Trainer
from skal.label.learning.defaults import describe_hearing
from skal.recognizer import Recognizer
from tests.audio.networks import RATE, keras_network, write_onnx
from tests.test_cli import call

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: skal[test] has it")
pytest.importorskip("onnx", reason="onnx is not installed: skal[test] has it")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("network") / "net.onnx")
    write_onnx(path, keras_network())
    return {"model": path, "sr": RATE}


@pytest.fixture
def recordings(tmp_path):
    """Two classes of twelve sounds, each in a folder of its name."""
    rng = np.random.default_rng(0)
    for i in range(24):
        t = np.arange(RATE) / RATE
        y = 0.3 * np.sin(2 * np.pi * (400 + 900 * (i % 2)) * t) + rng.normal(0, 0.03, t.size)
        folder = tmp_path / "sounds" / ("low", "high")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{i:02d}.wav", y, RATE)
    return tmp_path / "sounds"


class Spectrum(TransformerMixin, BaseEstimator):
    """An embedding of the user's own."""

    asked = []

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        Spectrum.asked.extend(X)
        waves = np.stack([soundfile.read(path)[0] for path in X])
        return np.log(1e-6 + np.abs(np.fft.rfft(waves)))[:, :2000:20]


def _label_and_train(project, trainer):
    assert trainer.train() is None  # chooses the first clips
    for _ in range(8):
        question = project.next("ann")
        label = "low" if "low" in question.name else "high"
        project.answer(question.question_id, "ann", "label", label)
    return trainer.train()


def test_a_project_with_an_embedding(network, recordings):
    with LabelingProject(recordings, ["low", "high"], embedding=network) as project:
        assert _label_and_train(project, Trainer(project)) is not None
        recognizer = Recognizer.load(project.model_path())
    assert type(recognizer.model.steps[0][1]) is PretrainedEmbedding
    clips = [Window(str(path)) for path in sorted(recordings.glob("*/*.wav"))]
    found = [each.label for each in recognizer.predict_clips(clips)]
    assert found == [clip.path.split("/")[-2] for clip in clips]
    with LabelingProject(recordings) as project:  # it is remembered
        assert describe_hearing(project) == []  # the network looks at what it looks at
        trainer = Trainer(project)
        assert trainer.train() is None
        assert trainer._pool.components.transformer.model == network["model"]


def test_a_project_with_an_embedding_of_the_users_own(recordings):
    Spectrum.asked.clear()
    given = {"estimator": make_pipeline(Spectrum(), LogisticRegression(max_iter=1000))}
    with LabelingProject(recordings, ["low", "high"], **given) as project:
        assert _label_and_train(project, Trainer(project)) is not None
        recognizer = Recognizer.load(project.model_path())
    assert type(recognizer.model.steps[0][1]) is Spectrum
    # One clip more than once: to see whether the first step takes recordings.
    assert len(Spectrum.asked) == 24 + 1


def test_a_project_takes_a_transformer_as_its_embedding(recordings):
    with LabelingProject(recordings, ["low", "high"], embedding=Spectrum()) as project:
        assert _label_and_train(project, Trainer(project)) is not None


def test_parameters_of_an_experiment(network):
    given = {"dataset": "folder", "data_home": "x", "embedding": "birdnet"}
    params, _ = load_params(given, [("embedding.pool", "max")])
    assert params.features.name == "embedding" and params.model.name == "embedding_classifier"
    assert params.features.params == {"model": "birdnet", "pool": "max"}
    again, _ = load_params(params.as_used())
    assert again.features == params.features and again.model == params.model
    chosen, _ = load_params({**given, "model": "random_forest"}, [("model", "random_forest")])
    assert chosen.model.name == "random_forest"


# The command, with blocks of four clips and a pause after each, so that it can be killed between.
SLOW = """
import sys, time
from skal.audio import cache
cache.FeatureCache.__init__.__kwdefaults__["block"] = 4
add = cache.FeatureStore.add
cache.FeatureStore.add = lambda *given: (add(*given), time.sleep(0.3))
from skal.cli import main
main(sys.argv[1:])
"""


def test_features_go_on_after_a_kill(network, recordings, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    arguments = ["features", recordings, "--embedding", json.dumps(network)]
    arguments = [*map(str, arguments), "--store", str(tmp_path / "store")]
    process = subprocess.Popen([sys.executable, "-c", SLOW, *arguments], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 300
        while sum(path.stat().st_size for path in tmp_path.glob("store/*/keys.bin")) < 8 * 20:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert call(*arguments) == 0
    said = capsysbinary.readouterr().out.decode()
    n_computed = int(said.split(" computed now")[0].split()[-1])
    assert 0 < n_computed <= 16
    paths = sorted(map(str, recordings.glob("*/*.wav")))
    kept, where = FeatureCache(as_embedding(network), tmp_path / "store").transform_stored(paths)
    assert len(where) == 24
    np.testing.assert_allclose(kept, as_embedding(network).transform(paths), atol=1e-6)


def test_features_run_and_search(network, recordings, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    spec = json.dumps(network)
    assert (
        call("features", recordings, "--embedding", network["model"], "--embedding.sr", RATE) == 0
    )
    assert b"24 computed now, 0 broken; features of 6" in capsysbinary.readouterr().out
    options = ["--n_initial", 4, "--n_instances", 4, "--budget", 8, "--full_data", "false"]
    folder = ["--dataset", "folder", "--data_home", recordings]
    assert call("run", *folder, "--embedding", spec, *options) == 0
    capsysbinary.readouterr()
    like = recordings / "low" / "00.wav"
    search = ["search", recordings, "--like", like, "--embedding", spec, "--window", 0.5]
    assert call(*search, "--top", 10) == 0
    rows = list(csv.DictReader(capsysbinary.readouterr().out.decode().splitlines()))
    assert len(rows) == 10 and all(row["path"].startswith("low") for row in rows)
    values = [float(row["similarity"]) for row in rows]
    assert values == sorted(values, reverse=True) and values[0] > 0.9
    assert call(*search, "--format", "raven", "--output", tmp_path / "hits.txt") == 0
    assert (tmp_path / "hits.txt").read_text().startswith("Selection\t")
    assert call(*search, "--format", "audacity", "--output", tmp_path / "tracks") == 0
    assert list((tmp_path / "tracks" / "low").glob("*.txt"))
    assert call(*search[:3], like.parent / "gone.wav", *search[4:]) == 2
    assert b"skal: the example" in (said := capsysbinary.readouterr().err) and b"gone.wav" in said
    assert call("search", tmp_path / "tracks", *search[2:]) == 2
    assert b"no recordings in" in capsysbinary.readouterr().err
    assert call("label", recordings, "--embedding", "bridnet", "--export", "csv") == 2
    assert b"nor a known model" in capsysbinary.readouterr().err
    for wrong, said in [({"pool": None}, b"pool=null"), ({"output": 5}, b"has no output 5")]:
        options = ["--classes", "low,high", "--embedding", json.dumps({**network, **wrong})]
        assert call("label", recordings, *options) == 2
        assert said in capsysbinary.readouterr().err


def test_a_remembered_network_that_is_gone_is_told_before_the_page_opens(
    network, recordings, tmp_path, capsysbinary
):
    path = tmp_path / "moved.onnx"
    path.write_bytes(Path(network["model"]).read_bytes())
    given = {**network, "model": str(path)}
    with LabelingProject(recordings, ["low", "high"], embedding=given) as project:
        Trainer(project).train()
    path.unlink()
    assert call("label", recordings, "--no-browser") == 2
    assert b"--embedding: no model at" in capsysbinary.readouterr().err
    assert call("label", recordings, "--export", "csv") == 0


def test_embeddings_as_people_write_them(network, tmp_path, monkeypatch):
    assert parse_embedding("birdnet") == {"model": "birdnet"}
    monkeypatch.chdir(tmp_path)
    weights = str(tmp_path / "w")
    assert parse_embedding("perch=w") == {"model": "perch", "weights": weights}
    assert as_embedding(json.dumps(network)).model == network["model"]
    own = Spectrum()
    assert as_embedding(own) is own
    with pytest.raises(ValueError, match="is not JSON"):
        parse_embedding('{"model"')
