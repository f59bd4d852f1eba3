"""Features spread over a Dask cluster of two workers are the same features."""

import os

import joblib
import numpy as np
import pytest
import soundfile

from skal.audio import FeatureCache, LogMelSpectrogram, PretrainedEmbedding
from tests.audio.networks import RATE, keras_network, write_onnx

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    # Dask's own affairs while a cluster on one machine starts and stops.
    pytest.mark.filterwarnings("default:::distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=120)
        yield client


def test_dask(cluster, tmp_path):
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i}.wav") for i in range(40)]
    for path in paths:
        soundfile.write(path, rng.normal(scale=0.1, size=4000), 8000)
    (tmp_path / "7.wav").write_text("no sound")
    model = LogMelSpectrogram(sr=8000, n_fft=256, n_mels=20, duration=0.5, on_error="warn")
    with pytest.warns(UserWarning, match="1 clips"):
        expected = model.transform(paths)
    with joblib.parallel_config(backend="dask"), pytest.warns(UserWarning, match="1 clips"):
        assert joblib.effective_n_jobs(-1) == 2
        got = model.set_params(n_jobs=-1).transform(paths)
        seen = joblib.Parallel(n_jobs=-1, batch_size=1)([joblib.delayed(os.getpid)()] * 40)
    assert list(model.transform_readable(paths)[1]) == [7]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    assert len(set(seen)) == 2 and os.getpid() not in seen


def test_an_embedding_on_dask(cluster, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: skal[test] has it")
    pytest.importorskip("onnx", reason="onnx is not installed: skal[test] has it")
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i}.wav") for i in range(40)]
    for path in paths:
        soundfile.write(path, rng.normal(scale=0.1, size=6000), RATE)
    (tmp_path / "7.wav").write_text("no sound")
    network = str(tmp_path / "net.onnx")
    write_onnx(network, keras_network())
    model = PretrainedEmbedding(network, sr=RATE)
    expected, _ = model.transform_readable(paths)
    with joblib.parallel_config(backend="dask"):
        got, broken = model.set_params(n_jobs=-1).transform_readable(paths)
        kept, _ = FeatureCache(model, str(tmp_path / "store")).transform_readable(paths)
    assert list(broken) == [7]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(kept, got)
