"""Honest numbers: accuracy from clips drawn at random, agreement between people, what is left."""

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
    "no_longer_pays",
    "wilson_interval",
]

# The newest random clips that an estimate rests on: older ones were guessed by older models.
WINDOW = 100
# Fewer random clips than this support no advice.
_ENOUGH = 30
_HIGH = 0.95
_SAME = 0.99
_ROUNDS = 3


def wilson_interval(n_right, n, confidence_level=0.95):
    """Compute the Wilson score interval of a share.

    Parameters
    ----------
    n_right : array-like of int
        Successes.
    n : array-like of int
        Trials, at least 1.
    confidence_level : float, default=0.95
        Of the interval.

    Returns
    -------
    low, high : ndarray of float
        Within 0 and 1, also for no successes or nothing else.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22, 1927.
    """
    n = np.asarray(n, dtype=float)
    share = np.asarray(n_right, dtype=float) / n
    z = ndtri((1 + confidence_level) / 2)
    center = share + z**2 / (2 * n)
    spread = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At the ends the formula gives 0 and 1, but for rounding.
    low = np.where(share == 0, 0.0, (center - spread) / scale)
    return low, np.where(share == 1, 1.0, (center + spread) / scale)


def estimate_accuracy(outcomes):
    """Estimate the accuracy of the last models.

    Unbiased for clips that nobody has labeled, because the clips were drawn at random among
    them and the model had guessed before anybody answered.

    Parameters
    ----------
    outcomes : sequence of bool
        Whether the guess was right, of each random clip, in the order of the questions.

    Returns
    -------
    Estimate or None
        From the last 100 of them; None if there are none.
    """
    recent = list(outcomes)[-WINDOW:]
    if not recent:
        return None
    low, high = wilson_interval(sum(recent), len(recent))
    return Estimate(sum(recent) / len(recent), float(low), float(high), len(recent))


def learning_curve(rounds, outcomes, n_labels):
    """Estimate the accuracy after each round whose model guessed random clips.

    Parameters
    ----------
    rounds : sequence of int
        Round of the model that guessed each clip, in the order of the questions.
    outcomes : sequence of bool
        Whether the guess was right.
    n_labels : dict of int to int
        Labels that the model of a round was trained on.

    Returns
    -------
    tuple of (n_labels, accuracy, low, high)
        In the order of the rounds.
    """
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
    """Compute Cohen's kappa of two people who labeled the same clips.

    Parameters
    ----------
    first, second : sequence of n_clips labels
        What each of them said.

    Returns
    -------
    float or None
        1: always the same, 0: as often as by chance. None where it is not defined: no clips, or
        both always gave one and the same label.
    """
    if len(first) == 0 or len({*first, *second}) < 2:
        return None
    return float(cohen_kappa_score(first, second))


def fleiss_kappa(table):
    """Compute Fleiss' kappa of clips that equally many people labeled, not always the same ones.

    Parameters
    ----------
    table : array-like of shape (n_clips, n_classes)
        How many people gave each class to each clip.

    Returns
    -------
    float or None
        None where it is not defined: no clips, or only one class was ever given.

    Raises
    ------
    ValueError
        If the number of people is not the same for every clip, or below 2.

    References
    ----------
    Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76,
    1971.
    """
    table = np.asarray(table, dtype=float)
    if table.size == 0:
        return None
    people = table.sum(axis=1)
    if (people != people[0]).any() or people[0] < 2:
        raise ValueError("every clip needs labels of equally many people, of two at least")
    n = people[0]
    observed = ((table**2).sum(axis=1) - n).mean() / (n * (n - 1))
    by_chance = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    if math.isclose(by_chance, 1):
        return None
    return float((observed - by_chance) / (1 - by_chance))


def agreement_of(pairs):
    """Summarize how far people agree.

    Parameters
    ----------
    pairs : list of ((person, label), (person, label))
        The first two labels of every clip that has two.

    Returns
    -------
    Agreement or None
        None where there are no such clips.
    """
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
    """Estimate how many clips nobody has to label, because the model gets them right.

    Parameters
    ----------
    estimate : Estimate or None
        Accuracy of the model.
    n_unlabeled : int
        Clips without a label.

    Returns
    -------
    int or None
        None without an estimate.
    """
    return None if estimate is None else round(estimate.accuracy * n_unlabeled)


def no_longer_pays(estimate, agreements):
    """Say why more labels no longer pay, if that was measured.

    Parameters
    ----------
    estimate : Estimate or None
        Accuracy of the model.
    agreements : sequence of float
        Cohen's kappa between the guesses of each model and those of the one before, on the same
        clips; of all rounds, in order.

    Returns
    -------
    str or None
        None as long as nothing says so.

    References
    ----------
    Bloodgood and Vijay-Shanker, "A method for stopping active learning based on stabilizing
    predictions and the need for user-adjustable stopping", CoNLL 2009.
    """
    if estimate is None or estimate.n < _ENOUGH:
        return None
    measured = (
        f"On {estimate.n} recordings drawn at random the model was right {estimate.accuracy:.0%} "
        f"of the time ({estimate.low:.0%} to {estimate.high:.0%})"
    )
    if estimate.low >= _HIGH:
        return f"{measured}: more labels no longer pay."
    recent = list(agreements)[-_ROUNDS:]
    if len(recent) == _ROUNDS and np.mean(recent) >= _SAME:
        return (
            f"{measured}, and the last {_ROUNDS + 1} models guessed practically the same: more "
            "labels no longer pay. Other recordings or other classes might."
        )
    return None
