"""From scores to picks: the highest, ties at random, each row once."""

import numpy as np

__all__ = ["check_positions", "check_scores", "pick_highest", "pick_shuffled"]


def pick_highest(scores, n_instances, random_state):
    """Return the positions of the highest scores, ties in random order.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Higher comes first.
    n_instances : int
        Positions wanted, at most n_samples.
    random_state : RandomState instance
        Breaks ties, including the tie at the last picked position.

    Returns
    -------
    ndarray of shape (n_instances,)

    Raises
    ------
    ValueError
        If a score is NaN.

    See Also
    --------
    power_sample : Draws by the scores instead.
    skal.strategies.ScoreStrategy : Base of the strategies that pick by scores.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import pick_highest
    >>> scores = np.array([0.1, 0.9, 0.5])
    >>> pick_highest(scores, 2, np.random.RandomState(0)).tolist()
    [1, 2]
    """
    if np.isnan(scores).any():
        raise ValueError(
            f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN; does the classifier "
            "predict NaN because its training diverged?"
        )
    n_samples = len(scores)
    border = np.partition(scores, n_samples - n_instances)[n_samples - n_instances]
    above, at = np.flatnonzero(scores > border), np.flatnonzero(scores == border)
    if len(above) + len(at) > n_instances:
        at = random_state.choice(at, n_instances - len(above), replace=False)
    # Shuffle before a stable sort, so that equal scores come in random order.
    picked = random_state.permutation(np.concatenate([above, at]))
    return picked[np.argsort(-scores[picked], kind="stable")]


def pick_shuffled(pick, X, random_state):
    """Call a picker on shuffled rows, so that it breaks ties at random, not by position."""
    order = random_state.permutation(len(X))
    return order[pick(X[order])]


def check_positions(positions, n_samples, n_instances, strategy):
    """Refuse positions that would corrupt a campaign: outside the pool, repeated, or too many."""
    positions = np.asarray(positions)
    if positions.size == 0:
        return np.empty(0, dtype=np.intp)
    name = type(strategy).__name__
    if positions.ndim != 1 or not np.issubdtype(positions.dtype, np.integer):
        raise ValueError(f"{name} must return a 1-D array of integer positions, not {positions!r}")
    outside = (positions < 0) | (positions >= n_samples)
    if outside.any():
        raise ValueError(
            f"{name} returned position {positions[outside][0]}, outside the {n_samples} candidates"
        )
    if len(np.unique(positions)) != len(positions):
        raise ValueError(f"{name} returned a position more than once")
    if len(positions) > n_instances:
        raise ValueError(
            f"{name} returned {len(positions)} positions, but {n_instances} were requested"
        )
    return positions.astype(np.intp, copy=False)


def check_scores(scores, n_positions, strategy):
    """Refuse scores that do not match the positions; without scores, return NaN."""
    if scores is None:
        return np.full(n_positions, np.nan)
    if np.shape(scores) != (n_positions,):
        raise ValueError(
            f"{type(strategy).__name__} must return one score for each of its {n_positions} "
            f"positions, not scores of shape {np.shape(scores)}"
        )
    return scores
