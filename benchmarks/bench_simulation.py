"""A simulation of 20 rounds on FSDD beside the same loop written with SciKeras.

Both sides train the same network for the same number of steps a round, from scratch, choose by
margin from all recordings left, and are scored on the test recordings in every round. Prints the
seconds of each and the accuracies at the end.

    python benchmarks/bench_simulation.py --data-home DATA/fsdd
    python benchmarks/bench_simulation.py --data-home DATA/fsdd --epochs 30 --rounds 5
"""

import argparse
import time

import numpy as np
from bench_engine import ONE
from bench_recipe import read_cached, split_rows
from scikeras.wrappers import KerasClassifier
from sklearn.base import clone

from skal import ActiveLearningClassifier
from skal.models import CNNClassifier, CompactCNN
from skal.strategies import MarginSampling
from skal.strategies.uncertainty import negative_margin

FIRST, EACH = 50, 50


def with_skal(data, epochs, rounds, **params):
    """Play a campaign; return the accuracy of each round and the number of labels."""
    X, y, X_test, y_test = data
    classifier = CNNClassifier(clone(ONE), epochs=epochs, **params)
    campaign = ActiveLearningClassifier(
        classifier,
        MarginSampling(),
        n_initial=FIRST,
        n_instances=EACH,
        budget=FIRST + EACH * (rounds - 1),
        random_state=0,
    )
    campaign.fit(X, y, eval_set=(X_test, y_test))
    return [record["eval_accuracy"] for record in campaign.history_], campaign.n_rounds_ + 1


def with_scikeras(data, epochs, rounds):
    """Play the same with SciKeras and a loop of one's own."""
    X, y, X_test, y_test = data
    model = KerasClassifier(
        model=clone(ONE),
        optimizer="adamw",
        optimizer__learning_rate=CompactCNN.default_learning_rate,
        optimizer__weight_decay=0.1,
        epochs=epochs,
        batch_size=32,
        verbose=0,
    )
    labeled, accuracies = np.random.RandomState(0).permutation(len(X))[:FIRST], []
    for i in range(rounds):
        fitted = clone(model).fit(X[labeled], y[labeled])
        accuracies.append(float(np.mean(fitted.predict(X_test) == y_test)))
        if i + 1 < rounds:
            pool = np.setdiff1d(np.arange(len(X)), labeled)
            wanted = negative_margin(fitted.predict_proba(X[pool]))
            labeled = np.concatenate([labeled, pool[np.argsort(-wanted)[:EACH]]])
    return accuracies, len(accuracies)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", required=True, help="folder with recordings/")
    parser.add_argument("--cache", help="file (.npz) to keep the features in")
    parser.add_argument("--epochs", type=int, default=10, help="of every round's training")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    data = read_cached(options.data_home, options.cache)
    train, test = split_rows(data, "official")
    data = (data["mel"][train], data["y"][train], data["mel"][test], data["y"][test])
    args = data, options.epochs, options.rounds
    sides = {
        "SciKeras": lambda: with_scikeras(*args),
        "CNNClassifier": lambda: with_skal(*args, augmentation=None),
        "tensorflow": lambda: with_skal(*args, engine="tensorflow", augmentation=None),
        "CNNClassifier, augmented": lambda: with_skal(*args),
        "tensorflow, augmented": lambda: with_skal(*args, engine="tensorflow"),
    }
    # TensorFlow's own start belongs to none of them.
    with_skal(data, 1, 2)
    with_scikeras(data, 1, 2)
    print(f"{options.rounds} rounds of {options.epochs} epochs, {FIRST} labels and {EACH} more")
    seconds = {}
    for name, play in sides.items():
        start = time.perf_counter()
        accuracies, n_rounds = play()
        seconds[name] = time.perf_counter() - start
        assert n_rounds == options.rounds
        assert np.mean(accuracies[-3:]) > 0.8, (name, accuracies)
        print(
            f"{name:32}{seconds[name]:8.1f} s {seconds['SciKeras'] / seconds[name]:6.2f} x"
            f"   accuracy of the last three rounds {np.mean(accuracies[-3:]):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
