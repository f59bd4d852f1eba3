"""Predictions of a folder: the saved model, broken recordings, windows, blocks."""

import io
import pickle
import shutil

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal import ActiveLearningClassifier
from skal._utils.sound.windows import Window
from skal.audio import FeatureCache, LogMelSpectrogram
from skal.datasets import make_sounds
from skal.datasets.synthetic import write_sounds
from skal.label import LabelingProject
from skal.label.formats import read_labels
from skal.recognizer import ModelError, Recognizer, write_predictions
from tests.label.recordings import train

SMALL = {
    "sr": 8000,
    "n_fft": 256,
    "hop_length": 256,
    "n_mels": 12,
    "flatten": True,
    "normalize": "clip",
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Return a folder with 24 recordings of 0.3 s, and their labels by name."""
    folder = tmp_path_factory.mktemp("sounds")
    bunch = make_sounds(24, 2, duration=0.3, random_state=0)
    write_sounds(bunch, folder / "labeled")
    (folder / "recordings").mkdir()
    labels = {}
    for path in sorted((folder / "labeled").rglob("*.wav")):
        labels[path.name] = path.parent.name
        shutil.copy(path, folder / "recordings" / path.name)
    return folder / "recordings", labels


@pytest.fixture(scope="module")
def pipeline(sounds):
    folder, labels = sounds
    model = make_pipeline(
        LogMelSpectrogram(duration=0.3, **SMALL), LogisticRegression(max_iter=1000)
    )
    return model.fit([str(folder / name) for name in labels], list(labels.values()))


@pytest.fixture
def saved(pipeline, tmp_path):
    joblib.dump(pipeline, tmp_path / "model.joblib")
    return tmp_path / "model.joblib"


def table_of(model, folder, **options):
    stream = io.BytesIO()
    recognizer = model if isinstance(model, Recognizer) else Recognizer(model)
    report = write_predictions(recognizer, folder, stream, **options)
    return pd.read_csv(io.BytesIO(stream.getvalue()), keep_default_na=False), report


def test_the_table_has_what_the_model_says(sounds, pipeline, saved):
    folder, labels = sounds
    table, report = table_of(Recognizer.load(saved), folder, block=5)
    assert list(table.columns) == [
        *("path", "label", "probability", *pipeline.classes_, "problem"),
    ]
    assert table.path.tolist() == sorted(labels)
    expected = pipeline.predict_proba([str(folder / name) for name in table.path])
    np.testing.assert_allclose(table[list(pipeline.classes_)], expected, atol=1e-6)
    assert table.label.tolist() == list(pipeline.classes_[expected.argmax(axis=1)])
    np.testing.assert_allclose(table.probability, expected.max(axis=1), atol=1e-6)
    assert (report.n_clips, report.n_broken) == (24, 0)
    assert (table.problem == "").all()


def test_a_loaded_model_is_a_classifier_of_paths(sounds, saved):
    folder, labels = sounds
    paths = [str(folder / name) for name in labels]
    assert Recognizer.load(saved).model.score(paths, list(labels.values())) == 1.0
    assert joblib.load(saved).predict([paths[0]])[0] == labels[next(iter(labels))]


def test_the_model_of_a_project_predicts(sounds, tmp_path):
    """Label, train, save, load as anybody would, predict."""
    folder, labels = sounds
    model = make_pipeline(
        LogMelSpectrogram(duration=0.3, **SMALL), LogisticRegression(max_iter=1000)
    )
    classes = sorted(set(labels.values()))
    with LabelingProject(folder, classes, folder=tmp_path / "project", estimator=model) as project:
        while len(project.labels()) < 16:
            question = project.next("ada")
            project.answer(question.question_id, "ada", "label", labels[question.name])
        assert train(project) is not None
        path = project.model_path()
    paths = [str(folder / name) for name in labels]
    loaded = Recognizer.load(path).model
    assert is_classifier(loaded)
    assert clone(loaded).get_params()["features__duration"] == 0.3
    assert loaded.score(paths, list(labels.values())) > 0.6
    table, report = table_of(Recognizer.load(path), folder)
    assert report == (24, 0)
    assert dict(zip(table.path, table.label, strict=True)) == dict(
        zip(labels, loaded.predict(paths), strict=True)
    )


def test_broken_recordings_get_a_row_with_the_reason(sounds, pipeline, tmp_path):
    folder = tmp_path / "new"
    shutil.copytree(sounds[0], folder)
    (folder / "sub").mkdir()
    names = sorted(sounds[1])
    shutil.move(folder / names[3], folder / "sub" / "=fine.wav")
    (folder / "a_first.wav").write_bytes(b"")
    (folder / "sub" / "text.wav").write_text("no sound")
    data = (folder / names[5]).read_bytes()
    (folder / names[5]).write_bytes(data[:44])
    said = []
    table, report = table_of(
        pipeline, folder, block=4, on_broken=lambda name, reason: said.append((name, reason))
    )
    assert (report.n_clips, report.n_broken) == (26, 3)
    broken = table[table.problem != ""]
    assert broken.path.tolist() == [names[5], "a_first.wav", "sub/text.wav"]
    assert (broken[["label", "probability", *pipeline.classes_]] == "").all(axis=None)
    reasons = broken.problem.tolist()
    for reason, part in zip(reasons, ("no samples", "empty", "not a sound file"), strict=True):
        assert part in reason
    assert said == list(zip(broken.path, reasons, strict=True))
    whole = table[table.problem == ""].set_index("path")
    assert whole.label["sub/=fine.wav"] == sounds[1][names[3]]
    assert all(whole.label[name] == sounds[1][name] for name in names if name in whole.index)


def test_nothing_is_set_aside_in_silence_nor_written_to_the_store(sounds, tmp_path):
    """A campaign's model as it is saved: features from a store, broken recordings as zeros."""
    folder, labels = sounds
    paths = [str(folder / name) for name in labels]
    features = LogMelSpectrogram(duration=0.3, on_error="warn", **SMALL)
    model = make_pipeline(
        FeatureCache(features, tmp_path / "store"), LogisticRegression(max_iter=1000)
    )
    y = [label if i % 2 else None for i, label in enumerate(labels.values())]
    campaign = ActiveLearningClassifier(model, classes=sorted(set(labels.values())))
    expected = campaign.fit(paths, y).predict(paths)
    shutil.rmtree(tmp_path / "store")
    new = tmp_path / "new"
    shutil.copytree(folder, new)
    (new / "bad.wav").write_bytes(b"RIFF")
    table, report = table_of(pickle.loads(pickle.dumps(campaign)), new)
    assert report.n_broken == 1
    said = dict(zip(table.path, table.label, strict=True))
    assert said.pop("bad.wav") == ""
    assert said == dict(zip(labels, expected, strict=True))
    assert not (tmp_path / "store").exists()


def test_windows_are_predicted_one_by_one(sounds, pipeline, tmp_path):
    names = sorted(sounds[1])[:4]
    parts = [soundfile.read(sounds[0] / name) for name in names]
    (tmp_path / "long").mkdir()
    night = np.concatenate([samples for samples, _ in parts])
    soundfile.write(tmp_path / "long" / "night.wav", night, parts[0][1])
    (tmp_path / "long" / "x.wav").write_bytes(b"no sound")
    length = len(parts[0][0]) / parts[0][1]
    table, report = table_of(pipeline, tmp_path / "long", window=length)
    assert report == (5, 1)
    assert table.path.tolist() == ["night.wav"] * 4 + ["x.wav"]
    np.testing.assert_allclose(table.start[:4].astype(float), length * np.arange(4), atol=1e-6)
    assert table.label.tolist() == [sounds[1][name] for name in names] + [""]
    with_windows = Recognizer(pipeline, window=length)  # as a project with windows saves it
    assert table_of(with_windows, tmp_path / "long")[0].equals(table)
    table, _ = table_of(pipeline, tmp_path / "long", window=length, hop=length / 2)
    assert len(table) == 8


def test_one_recording_of_another_length_spoils_itself_only(sounds, tmp_path):
    folder, labels = sounds
    model = make_pipeline(LogMelSpectrogram(**SMALL), LogisticRegression(max_iter=1000))
    model.fit([str(folder / name) for name in labels], list(labels.values()))
    new = tmp_path / "new"
    shutil.copytree(folder, new)
    soundfile.write(new / "zz_long.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 8000)
    table, report = table_of(model, new, block=30)
    assert report == (25, 1)
    assert table.label.tolist()[:24] == [labels[name] for name in sorted(labels)]
    assert "features" in table.problem[24]


class Counting:
    """A classifier that knows how many recordings it was given at once."""

    classes_ = np.array(["label", "=b", "problem"], dtype=object)

    def __init__(self):
        self.sizes = []

    def get_params(self, deep=True):
        return {}

    def predict_proba(self, X):
        self.sizes.append(len(X))
        return np.tile([0.2, 0.7, 0.1], (len(X), 1))


def test_no_more_than_a_block_is_in_memory():
    model, drawn = Counting(), []

    def clips():
        for i in range(1000):
            drawn.append(i)
            yield Window(f"{i}.wav")

    found = Recognizer(model).predict_clips(clips(), block=64)
    assert drawn == []
    for position, prediction in enumerate(found):
        assert prediction.clip.path == f"{position}.wav"
        assert len(drawn) <= position + 64
    assert model.sizes == [64] * 15 + [40]


def test_columns_are_never_taken_for_others_or_formulas(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    stream = io.BytesIO()
    write_predictions(Recognizer(Counting()), tmp_path, stream)
    header, line = stream.getvalue().decode().splitlines()
    assert header == "path,label,probability,class label,'=b,class problem,problem"
    assert line == "a.wav,'=b,0.700000,0.200000,0.700000,0.100000,"


def test_predictions_can_be_imported_as_labels(tmp_path):
    (tmp_path / "-a,b.wav").write_bytes(b"")
    with (tmp_path / "out.csv").open("wb") as file:
        write_predictions(Recognizer(Counting()), tmp_path, file)
    (label,) = read_labels(tmp_path / "out.csv")
    assert (label.path, label.label) == ("-a,b.wav", "=b")


def test_a_model_that_takes_no_recordings_says_so(sounds):
    model = LogisticRegression().fit([[0.0], [1.0]], ["a", "b"])
    with pytest.raises(ModelError, match="does not take these recordings: "):
        table_of(model, sounds[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "not a model file"),
        (b"RIFF of a sound", "not a model file"),
        (b"\x80\x05broken", "broken, or made with other versions"),
        (pickle.dumps({"a": 1}), "a dict, not a fitted classifier"),
        (pickle.dumps(LogisticRegression()), "it has no classes_"),
        (b"\x80\x04\x95\x18\0\0\0\0\0\0\0\x8c\x04gone\x94\x8c\x05Thing\x94\x93\x94.", "gone"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "model.joblib"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        Recognizer.load(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_cut_off_model_is_refused(saved):
    content = saved.read_bytes()
    for size in (7, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:size])
        with pytest.raises(ModelError, match="broken, or made with other versions"):
            Recognizer.load(saved)


@pytest.mark.parametrize("compress", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_compressed_models_are_models(pipeline, tmp_path, compress):
    joblib.dump(pipeline, tmp_path / "m", compress=(compress, 3))
    assert list(Recognizer.load(tmp_path / "m").classes_) == list(pipeline.classes_)


def test_folders_without_recordings_are_refused(tmp_path, pipeline):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        table_of(pipeline, tmp_path / "none")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"no recordings in .* \(1 other files\)"):
        table_of(pipeline, tmp_path)
    with pytest.raises(ValueError, match="hop needs window"):
        table_of(pipeline, tmp_path, hop=1.0)
