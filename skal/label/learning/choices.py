"""What a trained model says about the pool: ranking, predictions, and changes."""

import numpy as np

from skal.label.asking.estimate import cohen_kappa

__all__ = ["agreement_with_last", "draw_audits", "expect", "rank"]

# Extra batches to rank, so that people never wait for the next model.
_AHEAD = 5
_FEWEST_AUDITS = 20
# Number of clips on which consecutive models are compared.
_COMPARED = 1000


def rank(classifier, n_instances, n_more=0):
    """Return rows of X, most wanted first: the strategy's batch, then its next choices."""
    # Query the real batch last: the campaign records its last query with the round.
    ahead = classifier.query(n_instances=_AHEAD * n_instances + n_more)
    chosen = classifier.query(n_instances=n_instances)
    return np.concatenate([chosen, ahead[~np.isin(ahead, chosen)]])


def draw_audits(ids, n_instances, seed, number):
    """Draw open clips for the accuracy estimate, enough to last until the next round."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, 1)))
    return rng.permutation(ids)[: max(_FEWEST_AUDITS, _AHEAD * n_instances)]


def expect(classifier, pool, clip_ids):
    """Return (clip id, predicted class, probability) for clips."""
    clip_ids = np.unique(np.asarray(clip_ids, dtype=np.intp))
    if len(clip_ids) == 0:
        return []
    proba = classifier.predict_proba(pool.X[pool.rows(clip_ids)])
    best = proba.argmax(axis=1)
    names = classifier.classes_[best].tolist()
    return list(zip(clip_ids.tolist(), names, proba.max(axis=1).tolist(), strict=True))


def agreement_with_last(classifier, pool, seed, before):
    """Return predictions for a fixed sample, and their Cohen's kappa with the previous ones."""
    # Kappa is 1 if both models always predict the same single class, None without `before`.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 2)))
    rows = np.sort(rng.permutation(len(pool.ids))[:_COMPARED])
    guesses = classifier.predict(pool.X[rows])
    if before is None or len(before) != len(guesses):
        return guesses, None
    kappa = cohen_kappa(before.tolist(), guesses.tolist())
    return guesses, 1.0 if kappa is None else kappa
