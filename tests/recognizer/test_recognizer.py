"""Saved recognizers: whole or refused, found in folders, and those that earlier versions wrote."""

import joblib
import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from skal._utils.files.pickles import unpickle
from skal.models import CNNClassifier
from skal.recognizer import ModelError, Recognizer


def small():
    return DummyClassifier(strategy="prior").fit(np.zeros((3, 1)), ["a", "b", "b"])


def test_what_was_saved_comes_back(tmp_path):
    Recognizer(small(), window=4.0, hop=2.0).save(tmp_path / "m.skal")
    again = Recognizer.load(tmp_path / "m.skal")
    assert (again.window, again.hop, list(again.classes_)) == (4.0, 2.0, ["a", "b"])


def test_a_flipped_bit_anywhere_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "m.skal"
    Recognizer(small()).save(path)
    content = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, len(content), 100):
        broken = bytearray(content)
        broken[position] ^= 1 << (position % 8)
        path.write_bytes(broken)
        with pytest.raises(ModelError, match=r"m\.skal"):
            Recognizer.load(path)


@pytest.mark.parametrize("home", ["", ".skal"])
def test_the_newest_model_of_a_project_is_opened_whatever_its_format(tmp_path, home):
    models = tmp_path / home / "models"
    models.mkdir(parents=True)
    old = small()
    old.window_ = 1.0, None  # as projects of before saved it
    joblib.dump(old, models / "round-0009.joblib")
    assert Recognizer.load(tmp_path).window == 1.0
    Recognizer(small(), window=2.0).save(models / "round-0010.skal")
    assert Recognizer.load(tmp_path).window == 2.0


def test_no_other_file_of_a_folder_is_opened(tmp_path):
    Recognizer(small()).save(tmp_path / "model.skal")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "campaign.skal").write_bytes(b"\x80not a pickle")
    assert list(Recognizer.load(tmp_path).classes_) == ["a", "b"]


@pytest.mark.parametrize("file", ["params.json", "project.sqlite"])
def test_a_folder_without_a_model_says_what_it_lacks(tmp_path, file):
    (tmp_path / file).touch()
    with pytest.raises(ModelError, match=r"no model|not saved a model"):
        Recognizer.load(tmp_path)


def test_names_that_moved_are_found_and_others_are_named(tmp_path):
    path = tmp_path / "m.joblib"
    # Protocol 0 is text: "c" reads a module and a name.
    path.write_bytes(b"\x80\x02cskal.models.keras\nCNNClassifier\n.")
    with pytest.raises(ModelError, match="it has no classes_"):
        Recognizer.load(path)
    path.write_bytes(b"\x80\x02cskal.models.gone\nThing\n.")
    with pytest.raises(ModelError, match=r"m\.joblib: .*skal\.models\.gone.*train again"):
        Recognizer.load(path)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("skal._utils.pipelines", "ConstantClassifier"),
        ("skal._utils.sound.findings", "Broken"),
        ("skal._utils.windows", "Window"),
        ("skal.campaign.pseudo_labels", "PseudoLabels"),
        ("skal.campaign.remembered", "Remembered"),
        ("skal.campaign.replay", "Replay"),
        ("skal.campaign.update", "ShrinkPerturb"),
        ("skal.models.classifier", "CNNClassifier"),
        ("skal.models.networks._segments", "FoldSegments"),
        ("skal.strategies.augmentation", "AugmentationDisagreement"),
        ("skal.strategies.grouping", "MaxPerGroup"),
    ],
)
def test_classes_of_earlier_modules_open(module, name):
    assert unpickle(f"\x80\x02c{module}\n{name}\n.".encode("latin-1"), "m").__name__ == name


def test_join_copies_the_features():
    features = FunctionTransformer()
    recognizer = Recognizer.join(features, small())
    assert recognizer.model[0] is not features
    assert list(recognizer.classes_) == ["a", "b"]


def test_any_classifier_can_be_joined():
    """A parameter ``steps`` makes no Pipeline, and a Pipeline may resample its rows."""
    network = CNNClassifier(steps=5)
    assert Recognizer.join(FunctionTransformer(), network).model[-1] is network
    X, y = np.repeat([[0.0], [1.0], [5.0]], 4, axis=0), ["a"] * 8 + ["b"] * 4
    resampled = make_pipeline(RandomOverSampler(random_state=0), LogisticRegression()).fit(X, y)
    recognizer = Recognizer.join(FunctionTransformer(), resampled)
    np.testing.assert_array_equal(recognizer.model.predict_proba(X), resampled.predict_proba(X))
