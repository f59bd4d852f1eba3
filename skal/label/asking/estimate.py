"""Estimates: accuracy from clips drawn at random, agreement between people."""

import math

import numpy as np
from scipy.special import ndtri
from sklearn.metrics import cohen_kappa_score

from skal.label.asking.records import Agreement, Estimate

__all__ = [
    "agreement_of",
    "cohen_kappa",
    "estimate_accuracy",
    "fleiss_kappa",
    "labels_saved",
    "learning_curve",
    "stopping_advice",
    "wilson_interval",
]

# Use the newest audited clips only: older models predicted the older ones.
WINDOW = 100
# Give no advice on fewer audited clips.
_ENOUGH = 30
_HIGH = 0.95
_SAME = 0.99
_ROUNDS = 3


def wilson_interval(n_right, n, confidence_level=0.95):
    """Return the Wilson score interval of shares."""
    # Source: Wilson, "Probable inference, the law of succession, and statistical inference",
    # Journal of the American Statistical Association 22, 1927.
    n = np.asarray(n, dtype=float)
    share = np.asarray(n_right, dtype=float) / n
    z = ndtri((1 + confidence_level) / 2)
    center = share + z**2 / (2 * n)
    spread = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At the ends the formula gives 0 and 1 except for rounding.
    low = np.where(share == 0, 0.0, (center - spread) / scale)
    return low, np.where(share == 1, 1.0, (center + spread) / scale)


def estimate_accuracy(outcomes):
    """Estimate the accuracy from outcomes (True: the prediction was right), in order, or None."""
    # Unbiased for unlabeled clips: the clips were drawn at random among them, and the model
    # predicted each before its answer.
    recent = list(outcomes)[-WINDOW:]
    if not recent:
        return None
    low, high = wilson_interval(sum(recent), len(recent))
    return Estimate(sum(recent) / len(recent), float(low), float(high), len(recent))


def learning_curve(rounds, outcomes, n_labels):
    """Return (n_labels, accuracy, low, high) for each audited round, in order."""
    order = np.argsort(np.asarray(rounds, dtype=int), kind="stable")
    rounds = np.asarray(rounds, dtype=int)[order]
    right = np.concatenate([[0], np.cumsum(np.asarray(outcomes, dtype=int)[order])])
    known = [number for number in sorted(set(rounds.tolist())) if number in n_labels]
    last = np.searchsorted(rounds, known, side="right").astype(int)
    first = np.maximum(0, last - WINDOW)
    n = last - first
    n_right = right[last] - right[first]
    if len(known) == 0:
        return ()
    low, high = wilson_interval(n_right, n)
    columns = (n_right / n).tolist(), low.tolist(), high.tolist()
    return tuple(zip((n_labels[number] for number in known), *columns, strict=True))


def cohen_kappa(first, second):
    """Return Cohen's kappa of two people; None if undefined: no clips, or one label only."""
    if len(first) == 0 or len({*first, *second}) < 2:
        return None
    return float(cohen_kappa_score(first, second))


def fleiss_kappa(table):
    """Return Fleiss' kappa of counts (n_clips, n_classes); None if undefined."""
    # Source: Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin
    # 76, 1971.
    table = np.asarray(table, dtype=float)
    if table.size == 0:
        return None
    people = table.sum(axis=1)
    if (people != people[0]).any() or people[0] < 2:
        raise ValueError("every clip needs labels of the same number of people, at least two")
    n = people[0]
    observed = ((table**2).sum(axis=1) - n).mean() / (n * (n - 1))
    by_chance = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    if math.isclose(by_chance, 1):
        return None
    return float((observed - by_chance) / (1 - by_chance))


def agreement_of(pairs):
    """Return the Agreement in pairs of (person, label), one pair for each clip, or None."""
    if not pairs:
        return None
    people = sorted({person for pair in pairs for person, _ in pair})
    labels = sorted({label for pair in pairs for _, label in pair})
    table = np.zeros((len(pairs), len(labels)), dtype=int)
    for row, pair in zip(table, pairs, strict=True):
        for _, label in pair:
            row[labels.index(label)] += 1
    cohen = None
    if len(people) == 2:
        both = [dict(pair) for pair in pairs]
        cohen = cohen_kappa(*([pair[person] for pair in both] for person in people))
    share = float((table == 2).any(axis=1).mean())
    return Agreement(len(pairs), len(people), share, cohen, fleiss_kappa(table))


def labels_saved(estimate, n_unlabeled):
    """Estimate how many unlabeled clips the model predicts correctly."""
    return None if estimate is None else round(estimate.accuracy * n_unlabeled)


def stopping_advice(estimate, agreements):
    """Return why more labels no longer help, or None if nothing says so."""
    # `agreements` has Cohen's kappa between each model and the one before, of all rounds. Source:
    # Bloodgood and Vijay-Shanker, "A method for stopping active learning based on stabilizing
    # predictions and the need for user-adjustable stopping", CoNLL 2009.
    if estimate is None or estimate.n < _ENOUGH:
        return None
    measured = (
        f"On {estimate.n} recordings drawn at random, the model was right {estimate.accuracy:.0%} "
        f"of the time ({estimate.low:.0%} to {estimate.high:.0%})"
    )
    if estimate.low >= _HIGH:
        return f"{measured}: more labels no longer help."
    recent = list(agreements)[-_ROUNDS:]
    if len(recent) == _ROUNDS and np.mean(recent) >= _SAME:
        return (
            f"{measured}, and the last {_ROUNDS + 1} models gave almost the same predictions: "
            "more labels no longer help. Other recordings or classes might."
        )
    return None
