"""How soon a rare sound is found: 1 % of 10,000 windows of background noise hold one class.

    python benchmarks/bench_rare.py DATA [--quick] [--embedding birdnet] [--classes N]

DATA is the folder of ESC-10. Each of its classes is the rare one in turn: 100 windows of 3 s hold
one of its clips, 2,000 a clip of another class, and the rest nothing but noise; clips begin
anywhere and are -5 to 15 dB louder than the noise. Windows of one fold are the test. A campaign
has 200 labels, ten a round, and knows one example of the rare class, a clip of the test fold that
is in no window. For each strategy the table has, at some numbers of labels, the share of the rare
windows that have been found, the model's recall of the class among the windows of the test, and
the average precision there. `--quick`: a fifth of the windows.

Windows are compared by the mean, deviation and restlessness of every mel band, or by a pretrained
network.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal._utils.rows.time_statistics import time_statistics
from skal.audio import LogMelSpectrogram, PretrainedEmbedding
from skal.audio.reading import load
from skal.models import make_embedding_classifier
from skal.strategies import (
    MarginSampling,
    MaxHerding,
    RandomSampling,
    Schedule,
    SimilarTo,
    UncertaintyHerding,
)

SECONDS, TEST_FOLD, NOISE = 3.0, "5", "noise"
COUNTS = (30, 50, 100, 200)


def read_clips(data, sr):
    """Return the loudest part of every clip, by class and whether it is for the test."""
    clips = {}
    for path in sorted(Path(data).glob("*/*.ogg")):
        y = load(str(path), sr, 5.0, "silence")[0]
        n = int(2 * sr)
        power = np.convolve(y**2, np.ones(n), mode="valid")[:: sr // 10]
        start = int(power.argmax()) * (sr // 10)
        key = path.parent.name, path.name.startswith(TEST_FOLD)
        clips.setdefault(key, []).append(y[start : start + n])
    return clips


def pink_noise(n_samples, sr, rng):
    """Return noise whose spectrum falls by a slope that differs from place to place."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum /= np.maximum(np.fft.rfftfreq(n_samples, 1 / sr), 20) ** rng.uniform(0.3, 0.8)
    y = np.fft.irfft(spectrum, n_samples)
    return y / y.std()


def window(clip, sr, rng):
    """Return a window of noise, with a clip in it or none."""
    y = pink_noise(int(SECONDS * sr), sr, rng)
    if clip is not None and clip.any():
        level = 10 ** (rng.uniform(-5, 15) / 20) / np.sqrt((clip**2).mean())
        start = rng.integers(len(y) - len(clip) + 1)
        y[start : start + len(clip)] += level * clip
    return (0.02 * y).astype(np.float32)


def labels_of(n_windows, rare, names, rng):
    """Return a class for every window: 1 % the rare one, 20 % one of the others, else noise."""
    y = np.full(n_windows, NOISE, dtype=object)
    y[: n_windows // 100] = rare
    others = [name for name in names if name != rare]
    y[n_windows // 100 : n_windows // 100 + n_windows // 5] = rng.choice(others, n_windows // 5)
    return y.astype(str)


def make_rows(embed, y, clips, is_test, sr, rng):
    """Return the rows of windows, made and compared in blocks: ten thousand waveforms are 2 GB."""
    rows = []
    for start in range(0, len(y), 500):
        block = y[start : start + 500]
        chosen = [clips[name, is_test] if name != NOISE else [None] for name in block]
        rows.append(embed([window(c[rng.integers(len(c))], sr, rng) for c in chosen]))
    return np.concatenate(rows)


def make_embed(name):
    """Return what turns waveforms into rows, and its sampling rate."""
    if name is not None:
        model = PretrainedEmbedding(name)
        return lambda waves: model.transform(np.stack(waves)), 48_000
    mel = LogMelSpectrogram(sr=16_000, n_fft=1024, hop_length=400, n_mels=40)
    return lambda waves: time_statistics(mel.transform(np.stack(waves))), 16_000


def campaigns(example):
    """Yield strategies by name: what chooses the first ten labels, and the others."""
    similar = SimilarTo(example)
    yield "random", RandomSampling(), None
    yield "margin", MarginSampling(), None
    yield "herding", UncertaintyHerding(), MaxHerding()
    yield "similar, then margin", Schedule([(50, similar), (None, MarginSampling())]), None
    yield "similar, then herding", Schedule([(50, similar), (None, UncertaintyHerding())]), None


def play(strategy, first, X, y, test, rare, seed):
    """Return found share, recall and average precision at `COUNTS`."""
    campaign = ActiveLearningClassifier(
        make_embedding_classifier(),
        strategy,
        initial_strategy=first,
        n_initial=10,
        n_instances=10,
        budget=max(COUNTS),
        store_rounds=True,
        random_state=seed,
    ).fit(X, y)
    asked, result = y[campaign.labeled_indices_] == rare, []
    is_rare = test[1] == rare
    for record, proba in zip(
        campaign.history_, campaign.staged_predict_proba(test[0]), strict=True
    ):
        if record["n_labeled"] not in COUNTS:
            continue
        column = np.flatnonzero(campaign.classes_ == rare)[0]
        recall = (proba.argmax(axis=1) == column)[is_rare].mean()
        precision = average_precision_score(is_rare, proba[:, column])
        found = asked[: record["n_labeled"]].sum() / (y == rare).sum()
        result.append((found, recall, precision))
    return result


def measure(data, n_windows, embedding, n_classes):
    """Return the figures of every strategy, for each rare class."""
    embed, sr = make_embed(embedding)
    clips = read_clips(data, sr)
    names = sorted({name for name, _ in clips})
    figures = {}
    for seed, rare in enumerate(names[:n_classes]):
        rng = np.random.default_rng(seed)
        sounds = clips | {(rare, True): clips[rare, True][1:]}
        y, y_test = labels_of(n_windows, rare, names, rng), labels_of(n_windows, rare, names, rng)
        y_test = np.concatenate([y_test[: n_windows // 4], [rare] * (n_windows // 50)])
        X = make_rows(embed, y, sounds, False, sr, rng)
        X_test = make_rows(embed, y_test, sounds, True, sr, rng)
        example = embed([window(clips[rare, True][0], sr, rng)])
        if embedding is None:
            scaler = StandardScaler().fit(X)
            X, X_test, example = map(scaler.transform, (X, X_test, example))
        for name, strategy, first in campaigns(example):
            score = play(strategy, first, X, y, (X_test, y_test), rare, seed)
            figures.setdefault(name, []).append(score)
        print(f"{rare}: done", flush=True)
    return figures


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--quick", action="store_true", help="a fifth of the windows")
    parser.add_argument("--embedding", help="a pretrained network, such as birdnet")
    parser.add_argument("--classes", type=int, default=10, help="how many are rare in turn")
    given = parser.parse_args()
    n_windows = 2_000 if given.quick else 10_000
    figures = measure(given.data, n_windows, given.embedding, given.classes)
    print(f"{n_windows} windows; found, recall, average precision at {COUNTS} labels")
    for name, runs in figures.items():
        mean = np.mean(runs, axis=0)
        print(f"  {name:24}", "   ".join("{:.2f} {:.2f} {:.2f}".format(*row) for row in mean))


if __name__ == "__main__":
    main()
