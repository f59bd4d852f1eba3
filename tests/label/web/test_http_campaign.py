"""A campaign whose questions are asked and answered over HTTP, beside the same in a script."""

import socket

import httpx
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import LogMelSpectrogram
from skal.label import LabelingProject
from skal.label.web.server import _listen
from skal.strategies import EntropyDensityPeaks, MarginSampling
from tests.label.recordings import train, write_tones
from tests.label.web.serving import served

CLASSES = ("high", "low", "middle")


def pipeline():
    features = LogMelSpectrogram(sr=8000, n_fft=512, hop_length=200, duration=0.2, flatten=True)
    return make_pipeline(features, StandardScaler(), LogisticRegression(max_iter=300))


def answer(client, truth):
    """Answer the next question; return the position of its clip."""
    question = client.get("/api/next", params={"person": "ann"}).raise_for_status().json()
    given = {
        "question_id": question["question_id"],
        "person": "ann",
        "kind": "label",
        "label": truth[question["name"]],
        "seconds": 1.0,
        "client_key": f"answer-to-{question['question_id']}",
    }
    client.post("/api/answers", json=given).raise_for_status()
    return question["clip_id"]


@pytest.mark.parametrize("strategy", [MarginSampling(), EntropyDensityPeaks()])
def test_the_page_asks_what_a_script_asks(tmp_path, strategy):
    truth = write_tones(tmp_path / "sounds", 60, CLASSES)
    paths = [str(tmp_path / "sounds" / name) for name in sorted(truth)]
    y = np.array([truth[name] for name in sorted(truth)], dtype=object)
    project = LabelingProject(
        tmp_path / "sounds",
        CLASSES,
        estimator=pipeline(),
        strategy=strategy,
        n_instances=5,
        audit_share=0,
        random_state=3,
    ).open()
    train(project)
    with served(project) as server, httpx.Client(base_url=server.url) as client:
        partial = np.full(60, None, dtype=object)
        for _ in range(9):
            position = answer(client, truth)
            partial[position] = y[position]
        train(project)
        campaign = ActiveLearningClassifier(
            pipeline(), strategy, n_instances=5, budget=None, classes=CLASSES, random_state=3
        ).fit(paths, partial)
        for _ in range(5):
            expected = campaign.query()
            assert [answer(client, truth) for _ in range(5)] == expected.tolist()
            campaign.teach(indices=expected, y=y[expected])
            train(project)


def test_small_answers_are_sent_at_once():
    # Asyncio turns the delay off on connections whose listener says that it is TCP.
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
