"""What a round of training costs: CNNClassifier beside plain Keras and plain SciKeras.

The two sides share one network, and their results are compared before anything is timed. Prints
processor seconds and seconds on the clock, the least of several runs taken in turns; on a machine
that others use as well, trust the ratios.

    python benchmarks/bench_engine.py
    python benchmarks/bench_engine.py --repeats 5 --only epoch refit
"""

import argparse
import resource
import time

import numpy as np
from sklearn.base import clone

from skal.models import CNNClassifier, CompactCNN

SHAPE = (60, 41, 1)
N_CLASSES = 10

# Keras's own fit has no members, so a single network is compared.
ONE = CompactCNN(filters=(16, 32, 64), n_embedding=96, n_members=1)


def make_data(n_samples, random_state=0):
    """Make spectrograms of noise in which each class has a loud band."""
    rng = np.random.RandomState(random_state)
    y = rng.randint(N_CLASSES, size=n_samples)
    X = rng.normal(size=(n_samples, *SHAPE)).astype(np.float32)
    for i, label in enumerate(y):
        X[i, 6 * label : 6 * label + 6] += 1
    return X, y


def least_times(functions, repeats):
    """Least processor time and least time on the clock of each function, run in turns."""
    times = np.empty((len(functions), repeats, 2))
    for j in range(repeats):
        for i, function in enumerate(functions):
            start = time.process_time(), time.perf_counter()
            function()
            times[i, j] = time.process_time() - start[0], time.perf_counter() - start[1]
    return times.min(axis=1)


def report(name, times, labels):
    """Print one comparison: the first row is ours."""
    print(name)
    for label, (cpu, wall) in zip(labels, times, strict=True):
        ratios = f"{cpu / times[0, 0]:6.2f} x {wall / times[0, 1]:6.2f} x"
        print(f"    {label:34}{cpu:9.3f} s processor{wall:9.3f} s clock {ratios}", flush=True)


def keras_twin(classifier, optimizer="adamw"):
    """Copy the network of a classifier for plain Keras, weights and all."""
    from skal.models._backend import keras

    twin = keras.models.clone_model(classifier._engine.model)
    twin.set_weights(classifier.get_weights())
    twin.get_layer("normalization").trainable = False
    rates = {"learning_rate": 2e-3, "weight_decay": classifier.weight_decay}
    made = keras.optimizers.get({"class_name": optimizer, "config": rates})
    twin.compile(optimizer=made, loss="categorical_crossentropy")
    return twin


def check_parity():
    """Assert that one step here and one in Keras change the same weights to the same values."""
    X, y = make_data(32)
    classifier = CNNClassifier(
        clone(ONE).set_params(dropout=0.0),
        steps=0,
        augmentation=None,
        label_smoothing=0.0,
        warm_start=True,
        warm_steps=1.0,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.0,
        random_state=0,
    ).fit(X, y)
    twin = keras_twin(classifier, "sgd")
    np.testing.assert_allclose(
        twin.predict(X, verbose=0), classifier.predict_proba(X), rtol=1e-4, atol=1e-6
    )
    before = classifier.get_weights()
    classifier.set_params(steps=1).fit(X, y)
    from skal.models.recipe import cosine_schedule

    twin.optimizer.learning_rate.assign(cosine_schedule(1, classifier.learning_rate)[0])
    twin.train_on_batch(X, np.eye(N_CLASSES, dtype=np.float32)[y])
    for old, ours, theirs in zip(
        before, classifier.get_weights(), twin.get_weights(), strict=True
    ):
        # The batch is the same in another order, so its sums are rounded otherwise, and a last
        # digit decides now and then which cell wins a maximum and takes the gradient.
        step = np.linalg.norm(theirs - old)
        assert np.linalg.norm(ours - theirs) <= 0.02 * step + 1e-5, (ours.shape, step)
        assert step > 1e-3 or old.ndim < 2
    print("parity: the same probabilities, and the same weights after a step", flush=True)


def bench_epoch(repeats):
    """Time an epoch over 1,024 samples in batches of 32, and as many steps of the members."""
    X, y = make_data(1024)
    targets = np.eye(N_CLASSES, dtype=np.float32)[y]
    fitted = [
        CNNClassifier(
            clone(ONE), augmentation=augmentation, epochs=1, engine=engine, random_state=0
        ).fit(X, y)
        for augmentation in (None, "auto")
        for engine in ("tensorflow", "keras")
    ]
    members = CNNClassifier(steps=32, random_state=0).fit(X, y)
    twin = keras_twin(fitted[1])
    twin.fit(X, targets, batch_size=32, verbose=0)
    times = least_times(
        [
            *[lambda classifier=classifier: classifier.fit(X, y) for classifier in fitted],
            lambda: twin.fit(X, targets, batch_size=32, verbose=0),
            lambda: members.fit(X, y),
        ],
        repeats,
    )
    names = ['engine="tensorflow", whole fit', 'engine="keras", whole fit']
    labels = [*names, *[f"{name}, augmented" for name in names], "Keras fit"]
    labels.append("members (default), augmented")
    report("epoch over 1,024 samples", times, labels)


def bench_refit(repeats):
    """Time what a fit costs beyond its steps, and a round of 64 labels."""
    from scikeras.wrappers import KerasClassifier

    X, y = make_data(1000)
    few = X[:64], y[:64]
    ours = CNNClassifier(clone(ONE), random_state=0, steps=2).fit(*few)
    pool = make_data(200, random_state=1)[0]
    scikeras = KerasClassifier(model=clone(ONE), optimizer="adam", epochs=1, verbose=0)
    ours.predict_proba_embed(pool)

    def refit(n_samples, **params):
        ours.set_params(**params).fit(X[:n_samples], y[:n_samples])

    times = least_times(
        [
            lambda: refit(64, steps=0, epochs=None),
            lambda: refit(1000, steps=0, epochs=None),
            lambda: refit(64, epochs=1),
            lambda: clone(scikeras).fit(*few),
        ],
        repeats,
    )
    labels = ["no steps, 64 labels", "no steps, 1,000 labels", "1 epoch, 64 labels", "SciKeras"]
    report("refit of the same instance", times, labels)


def bench_predict(repeats):
    """Time embeddings and probabilities of 3,000 clips."""
    from skal.models._backend import keras

    X, y = make_data(3000)
    classifier = CNNClassifier(clone(ONE), steps=2, random_state=0).fit(X[:64], y[:64])
    twin = keras_twin(classifier)
    body = keras.Model(twin.inputs[0], twin.get_layer("embedding").output)
    P, Z = classifier.predict_proba_embed(X)
    np.testing.assert_allclose(P, twin.predict(X, verbose=0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(Z, body.predict(X, verbose=0), rtol=1e-3, atol=1e-4)
    times = least_times(
        [
            lambda: classifier.predict_proba_embed(X),
            lambda: (twin.predict(X, verbose=0), body.predict(X, verbose=0)),
        ],
        repeats,
    )
    report("embeddings and probabilities of 3,000", times, ["one pass", "two Keras predicts"])


def bench_memory(n_refits=100):
    """Print how the memory of the process grows over refits."""
    X, y = make_data(400)
    classifier = CNNClassifier(clone(ONE), steps=2)
    used = []
    for i in range(n_refits):
        n_samples = 40 + 3 * i
        classifier.set_params(random_state=i).fit(X[:n_samples], y[:n_samples])
        classifier.predict_proba_embed(X)
        used.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"memory: {used[9]:.0f} MiB after 10 fits, {used[-1]:.0f} after {n_refits}", flush=True)


def main():
    """Check parity, then measure and print."""
    benches = {"epoch": bench_epoch, "refit": bench_refit, "predict": bench_predict}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[*benches, "memory"])
    options = parser.parse_args()
    wanted = options.only or [*benches, "memory"]
    check_parity()
    for name, bench in benches.items():
        if name in wanted:
            bench(options.repeats)
    if "memory" in wanted:
        bench_memory()


if __name__ == "__main__":
    main()
