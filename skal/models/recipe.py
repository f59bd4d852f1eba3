"""The default training recipe for few labels: steps, schedule, and batches, in NumPy."""

# Where each default of `CNNClassifier` is decided: "auto" steps in `automatic_steps`; the "auto"
# learning rate and batch size by the network's `default_learning_rate` and `default_batch_size`
# (`networks/base.py`, `compact.py`); the "auto" augmentation, and the batch size of rows of
# features, in `cnn.py`; all others in the signature of `CNNClassifier`.

import numpy as np

__all__ = ["automatic_steps", "cosine_schedule", "draw_batches"]


def automatic_steps(n_samples):
    """Number of training steps for a number of labels."""
    # A few epochs over few labels would be far too few steps, so the number only grows with the
    # square root of the number of labels.
    return int(np.clip(round(30 * np.sqrt(n_samples)), 400, 2000))


def cosine_schedule(n_steps, learning_rate, warmup=0.05):
    """Learning rate of each step: a short linear rise, then half a cosine down to zero."""
    step = np.arange(n_steps) + 0.5
    rise = max(1.0, warmup * n_steps)
    progress = np.clip((step - rise) / max(n_steps - rise, 1e-12), 0, 1)
    rates = np.minimum(step / rise, 1) * 0.5 * (1 + np.cos(np.pi * progress))
    return (learning_rate * rates).astype(np.float32)


def draw_batches(n_samples, batch_size, n_steps, random_state):
    """Draw the rows of every training step, reshuffled in every epoch."""
    # Batches may cross epochs, so all have the same size. With at most `batch_size` samples, every
    # batch holds each sample once.
    size = min(n_samples, batch_size)
    waiting = np.empty(0, dtype=np.intp)
    for _ in range(n_steps):
        while len(waiting) < size:
            waiting = np.concatenate([waiting, random_state.permutation(n_samples)])
        yield waiting[:size]
        waiting = waiting[size:]
