"""What a trained model says about the pool: what to ask next, what it expects, how it changed."""

import numpy as np

from skal.label.asking.estimate import cohen_kappa

__all__ = ["compare", "draw_audits", "expect", "rank"]

# Clips that are listed beyond those that train the next model, so that asking never waits.
_AHEAD = 5
_FEWEST_AUDITS = 20
# Clips on which each model is compared with the one before.
_COMPARED = 1000


def rank(classifier, n_instances):
    """Rank what to ask: the strategy's choice, and then what it would choose beyond that.

    Parameters
    ----------
    classifier : ActiveLearningClassifier
        The campaign.
    n_instances : int
        Labels until the next round.

    Returns
    -------
    ndarray of int
        Positions in X, most wanted first.
    """
    # The question that counts comes last: the campaign remembers it with the round.
    ahead = classifier.query(n_instances=_AHEAD * n_instances)
    chosen = classifier.query(n_instances=n_instances)
    return np.concatenate([chosen, ahead[~np.isin(ahead, chosen)]])


def draw_audits(ids, n_instances, seed, number):
    """Draw clips at random for the estimate, enough until the next round is done.

    Parameters
    ----------
    ids : ndarray of int
        Clips that nobody has settled.
    n_instances : int
        Labels until the next round.
    seed, number : int
        Seed of the project, number of the round.

    Returns
    -------
    ndarray of int
        In the order in which they are asked.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 1)))
    return rng.permutation(ids)[: max(_FEWEST_AUDITS, _AHEAD * n_instances)]


def expect(classifier, pool, clip_ids):
    """Return what the model expects of clips.

    Parameters
    ----------
    classifier : ActiveLearningClassifier
        The campaign, with a model.
    pool : Pool
        The clips.
    clip_ids : array-like of int
        Clips of the pool.

    Returns
    -------
    list of (clip_id, class, probability)
    """
    clip_ids = np.unique(np.asarray(clip_ids, dtype=np.intp))
    if len(clip_ids) == 0:
        return []
    proba = classifier.predict_proba(pool.X[pool.rows(clip_ids)])
    best = proba.argmax(axis=1)
    names = classifier.classes_[best].tolist()
    return list(zip(clip_ids.tolist(), names, proba.max(axis=1).tolist(), strict=True))


def compare(classifier, pool, seed, before):
    """Compare a model with the one before it, on clips drawn once for all.

    Parameters
    ----------
    classifier : ActiveLearningClassifier
        The campaign, with a model.
    pool : Pool
        The clips.
    seed : int
        Seed of the project.
    before : ndarray or None
        What the model before made of the clips.

    Returns
    -------
    guesses : ndarray
        What this model makes of them.
    agreement : float or None
        Cohen's kappa with `before`; 1 where both always say one and the same class.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 2)))
    rows = np.sort(rng.permutation(len(pool.ids))[:_COMPARED])
    guesses = classifier.predict(pool.X[rows])
    if before is None or len(before) != len(guesses):
        return guesses, None
    kappa = cohen_kappa(before.tolist(), guesses.tolist())
    return guesses, 1.0 if kappa is None else kappa
