"""Validation on held-out labels, and the best weights of a training."""

from collections import Counter

import numpy as np

__all__ = ["BestWeights", "hold_out"]

LOOKS = 20


def hold_out(codes, fraction, random_state, allowed=None, groups=None):
    """Draw the samples to hold out from training."""
    # Each class keeps at least one sample for training, so a class with a single label is never
    # held out.
    everything = np.arange(len(codes))
    allowed = np.ones(len(codes), dtype=bool) if allowed is None else allowed
    n_wanted = int(fraction * np.count_nonzero(allowed))
    # Draw no random numbers, so that training equals training without validation_fraction.
    if n_wanted == 0:
        return everything, everything[:0]
    members = _by_group(everything if groups is None else groups)
    left = Counter(codes[allowed].tolist())
    held_out = []
    for group in random_state.permutation(len(members)):
        rows = members[group]
        counts = Counter(codes[rows].tolist())
        fits = len(held_out) + len(rows) <= n_wanted and allowed[rows].all()
        if fits and all(left[code] > n for code, n in counts.items()):
            left -= counts
            held_out += rows.tolist()
    return np.setdiff1d(everything, held_out), np.sort(np.array(held_out, dtype=np.intp))


def _by_group(groups):
    """Return the positions of each group."""
    _, numbers = np.unique(groups, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


class BestWeights:
    """Scores a network during training, and restores its best weights."""

    # Weights are better with higher accuracy on held-out samples, and for equal accuracy with
    # lower log loss, which changes long before the accuracy of a few samples.

    def __init__(self, engine, X, codes):
        self._engine, self._X, self._codes = engine, X, codes
        self._kept = None
        self.scores = []

    @property
    def best(self):
        """The best of `scores`; the first wins a tie."""
        return max(self.scores, key=lambda score: (score[1], -score[2]))

    def watch(self, losses, n_steps):
        """Pass on the losses of a training, and score the network at intervals."""
        done = seen = 0
        for part in losses:
            done += len(part)
            if done == n_steps or done - seen >= n_steps / LOOKS:
                seen = done
                self._look(done)
            yield part
        if self._kept is not None:
            self._engine.model.set_weights(self._kept)

    def _look(self, step):
        proba = self._engine.forward(self._X)[0]
        given = proba[np.arange(len(proba)), self._codes].astype(np.float64)
        log_loss = -np.log(np.maximum(given, np.finfo(np.float32).tiny)).mean()
        accuracy = np.mean(proba.argmax(axis=1) == self._codes)
        self.scores.append((step, float(accuracy), float(log_loss)))
        if self.best is self.scores[-1]:
            self._kept = self._engine.model.get_weights()
