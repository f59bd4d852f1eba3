"""Accuracy of the default training recipe on FSDD, with random labels.

Prints, for each number of labels, the mean accuracy over seeds of CNNClassifier with its
defaults, of the same with parts of the recipe taken away, and of a support vector machine on
time-normalized MFCC. Splits: "official" tests on takes 0 to 4; "speakers" tests on the speakers
theo and nicolas; "validation" and "validation-speakers" test on a part of the training data of
these two (takes 5 to 9; yweweler) and are the ones to tune on.

    python benchmarks/bench_recipe.py --data-home DATA/fsdd --budgets 100 400 2700
    python benchmarks/bench_recipe.py --data-home DATA/fsdd --variants default no-mixup
    python benchmarks/bench_recipe.py --data-home DATA/fsdd --set network__dropout=0.3
    python benchmarks/bench_recipe.py --data-home DATA/fsdd --same-labels --variants default \\
        one-network

With --same-labels, all seeds train on the same labels, in another order: what is left is the
noise of training. Seconds are those of the processor.
"""

import argparse
import ast
import time
from pathlib import Path

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skal.audio import MFCC, LogMelSpectrogram, read_audio
from skal.models import CNNClassifier, CompactCNN, SpectrogramAugmentation

SAMPLE_RATE = 22050

VARIANTS = {
    "default": {},
    "no-augmentation": {"augmentation": None},
    "no-time-shift": {"augmentation__time_shift": 0.0},
    "no-mel-shift": {"augmentation__mel_shift": 0.0},
    "no-gain": {"augmentation__gain": 0.0},
    "no-noise": {"augmentation__noise": 0.0},
    "no-masks": {"augmentation__time_mask": 0.0, "augmentation__mel_mask": 0.0},
    "no-mixup": {"augmentation__mixup": 0.0},
    "no-smoothing": {"label_smoothing": 0.0},
    "no-dropout": {"network__dropout": 0.0},
    "no-decay": {"weight_decay": 0.0},
    "30-epochs": {"epochs": 30},
    "flatten-head": {"network__head": "flatten"},
    "learning-rate-2e-3": {"learning_rate": 2e-3},
    "four-members": {"network__n_members": 4},
    "eight-members": {"network__n_members": 8},
    "one-network": {
        "network__filters": (16, 32, 64),
        "network__n_embedding": 96,
        "network__n_members": 1,
        "network__dropout": 0.3,
        "network__time_stride": 2,
        "augmentation__mixup": 0.3,
        "engine": "keras",
    },
}


def read_data(home):
    """Read features, digits, speakers and takes of all recordings."""
    paths = sorted(Path(home, "recordings").glob("*.wav"))
    digits, speakers, takes = zip(*(path.stem.split("_") for path in paths), strict=True)
    names = [str(path) for path in paths]
    mel = LogMelSpectrogram(
        sr=8000, n_fft=512, hop_length=200, duration=1.0, ref="max", top_db=60, n_jobs=2
    )
    return {
        "mel": mel.fit_transform(names),
        "mfcc": np.stack([normalized_mfcc(name) for name in names]),
        "y": np.array(digits, dtype=int),
        "speaker": np.array(speakers),
        "take": np.array(takes, dtype=int),
    }


def normalized_mfcc(path, n_frames=20):
    """Mel-frequency cepstral coefficients stretched to a fixed number of frames, flat."""
    waveform, sr = read_audio(path, sr=SAMPLE_RATE)
    transformer = MFCC(sr=sr, n_mfcc=20, n_fft=2048, hop_length=512, duration=len(waveform) / sr)
    coefficients = transformer.fit_transform([waveform])[0, ..., 0]
    old = np.arange(coefficients.shape[1])
    new = np.linspace(0, old[-1], n_frames)
    return np.stack([np.interp(new, old, row) for row in coefficients]).ravel()


def split_rows(data, split):
    """Find the rows to train on and the rows to test on."""
    take, speaker = data["take"], data["speaker"]
    if split == "official":
        return np.flatnonzero(take >= 5), np.flatnonzero(take < 5)
    if split == "validation":
        return np.flatnonzero(take >= 10), np.flatnonzero((take >= 5) & (take < 10))
    hidden = np.isin(speaker, ["theo", "nicolas"])
    if split == "speakers":
        return np.flatnonzero(~hidden), np.flatnonzero(hidden)
    test = speaker == "yweweler"
    return np.flatnonzero(~hidden & ~test), np.flatnonzero(test)


def make_classifier(changes, random_state=None):
    """Make a CNNClassifier with some parameters changed."""
    classifier = CNNClassifier(
        CompactCNN(), augmentation=SpectrogramAugmentation(), random_state=random_state
    )
    simple = {k: v for k, v in changes.items() if "__" not in k}
    nested = {k: v for k, v in changes.items() if "__" in k}
    return classifier.set_params(**simple).set_params(**nested)


def make_svm():
    """Make the support vector machine to compare with."""
    return make_pipeline(StandardScaler(), SVC(C=10, gamma="scale"))


def measure(model, X, y, train, test, budget, seeds, same_labels):
    """Measure accuracies over draws of the labels, or of the training, and seconds of a fit."""
    scores, seconds = [], []
    for seed in seeds:
        rng = np.random.RandomState(seed)
        rows = np.random.RandomState(0).permutation(train)[:budget] if same_labels else train
        rows = rng.permutation(rows)[:budget]
        if isinstance(model, CNNClassifier):
            model.set_params(random_state=seed)
        start = time.process_time()
        model.fit(X[rows], y[rows])
        seconds.append(time.process_time() - start)
        scores.append(model.score(X[test], y[test]))
    return np.array(scores), float(np.mean(seconds))


def parse_changes(pairs):
    """Turn ``name=value`` pairs into parameters."""
    changes = {}
    for pair in pairs:
        name, value = pair.split("=", 1)
        try:
            changes[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            changes[name] = value
    return changes


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True, help="folder with recordings/")
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 400, 2700])
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--split",
        choices=["official", "speakers", "validation", "validation-speakers"],
        default="official",
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["default"])
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--cache", help="file (.npz) to keep the features in")
    parser.add_argument("--no-svm", action="store_true")
    parser.add_argument("--same-labels", action="store_true")
    options = parser.parse_args()

    data = read_cached(options.data_home, options.cache)
    train, test = split_rows(data, options.split)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    print(f"{options.split}: {len(train)} to train on, {len(test)} to test on", flush=True)
    models = [] if options.no_svm else [("svm-mfcc", make_svm(), data["mfcc"])]
    extra = parse_changes(options.set)
    for name in options.variants:
        models.append((name, make_classifier({**VARIANTS[name], **extra}), data["mel"]))
    print(f"{'model':18}{'labels':>8}{'accuracy':>10}{'+-':>8}{'seconds':>9}", flush=True)
    for name, model, X in models:
        for budget in options.budgets:
            scores, seconds = measure(
                model, X, data["y"], train, test, budget, seeds, options.same_labels
            )
            count, spread = min(budget, len(train)), scores.std(ddof=1)
            print(
                f"{name:18}{count:8}{scores.mean():10.4f}{spread:8.4f}{seconds:9.1f}", flush=True
            )


def read_cached(home, cache):
    """Read the features from `cache`, where they are there already."""
    if cache and Path(cache).exists():
        return dict(np.load(cache))
    data = read_data(home)
    if cache:
        np.savez(cache, **data)
    return data


if __name__ == "__main__":
    main()
