"""BatchBALD: the batch whose labels together are most informative about the model."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.private import Interval
from skal.strategies.base import QueryStrategy
from skal.strategies.bayesian import mutual_information
from skal.strategies.uncertainty import entropy

__all__ = ["BatchBALD", "batch_bald"]

# Numbers in the largest temporary array: enough for a fast matrix product.
_CELLS = 2**20


class _Configurations:
    """The possible label configurations of the batch so far."""

    # Stores the probability of each configuration, and the posterior over the samples of the model
    # given it. The posterior is enough to compute how much another row adds, and unlike the
    # probability of a long configuration it does not underflow.

    def __init__(self, n_model_samples, limit):
        self.limit = limit
        self.weights = np.ones(1)
        self.posterior = np.full((1, n_model_samples), 1 / n_model_samples)

    def expected_entropy(self, samples):
        """Return the entropy of each row's label given the labels of the batch."""
        n_model_samples, n_rows, n_classes = samples.shape
        predictive = self.posterior @ samples.reshape(n_model_samples, n_rows * n_classes)
        return (self.weights @ entropy(predictive.reshape(-1, n_rows, n_classes))).ravel()

    def extend(self, proba, random_state):
        """Add a row with the given probabilities (n_model_samples, n_classes) to the batch."""
        joint = self.posterior[:, None, :] * proba.T
        predictive = joint.sum(axis=2)
        weights = (self.weights[:, None] * predictive).ravel()
        possible = weights > 0
        self.weights = weights[possible] / weights.sum()
        joint = joint.reshape(len(weights), -1)[possible]
        if len(self.weights) > self.limit:
            # Stratified resampling: unbiased, with less noise than independent draws. Draw a
            # number for each stratum: a common number would give all configurations of equal
            # weight the same new label.
            points = (np.arange(self.limit) + random_state.uniform(size=self.limit)) / self.limit
            cumulated = np.cumsum(self.weights)
            drawn = np.searchsorted(cumulated, points * cumulated[-1], side="right")
            joint = joint[np.minimum(drawn, len(joint) - 1)]
            self.weights = np.full(self.limit, 1 / self.limit)
        self.posterior = joint / joint.sum(axis=1, keepdims=True)


def batch_bald(samples, n_instances, n_configurations=1000, random_state=None):
    """Pick rows greedily by the mutual information of all their labels with the model.

    The information that a row adds never grows with the batch, so its value for a smaller batch is
    an upper bound: only rows whose bound could still win are computed again.

    Rows with equal probabilities in every sample of the model count as copies of one sound, which
    have one label. So a copy adds no information once the sound is in the batch, although the
    formula treats its label as another draw.

    Parameters
    ----------
    samples : ndarray of shape (n_model_samples, n_samples, n_classes)
        Probabilities by each sample of the model.
    n_instances : int
        Rows wanted, at most n_samples.
    n_configurations : int, default=1000
        Number of label configurations to keep. The result is exact up to ``n_classes **
        len(batch)`` configurations; beyond that, configurations are sampled.
    random_state : int, RandomState instance or None, default=None
        Breaks ties and samples configurations.

    Returns
    -------
    positions : ndarray of shape (n_instances,)
        Positions, in the order picked.
    gains : ndarray of shape (n_instances,)
        Mutual information added by each, in nats.

    See Also
    --------
    mutual_information : The value of a single row.
    skal.strategies.BatchBALD : The strategy.

    References
    ----------
    Kirsch, van Amersfoort and Gal, "BatchBALD: efficient and diverse batch acquisition for deep
    Bayesian active learning", NeurIPS 2019, sections 3 and 4.

    Examples
    --------
    Four samples of the model: rows 0 and 1 divide them alike, row 2 divides them differently.
    Alone, row 1 is worth more than row 2, but it tells little that row 0 did not tell:

    >>> import numpy as np
    >>> from skal.strategies.functions import batch_bald, mutual_information
    >>> dogs = np.array([[1.0, 0.9, 0.8], [1.0, 0.9, 0.2], [0.0, 0.1, 0.8], [0.0, 0.1, 0.2]])
    >>> samples = np.stack([dogs, 1 - dogs], axis=2)
    >>> mutual_information(samples).round(2).tolist()
    [0.69, 0.37, 0.19]
    >>> positions, gains = batch_bald(samples, 2, random_state=0)
    >>> positions.tolist(), gains.round(2).tolist()
    ([0, 2], [0.69, 0.19])
    """
    rng = check_random_state(random_state)
    samples = np.asarray(samples)
    known = entropy(samples).mean(axis=0)
    bounds = mutual_information(samples)
    copies, told = _find_copies(samples), np.zeros(len(bounds), dtype=bool)
    tie_break = rng.permutation(len(bounds))
    batch = _Configurations(len(samples), n_configurations)
    positions, gains = [], []
    while True:
        best, gain = _best_row(batch, samples, known, bounds, told, tie_break)
        positions.append(best)
        gains.append(gain)
        if len(positions) == n_instances:
            return np.array(positions, dtype=np.intp), np.array(gains)
        told |= copies == copies[best]
        bounds[told] = 0.0
        bounds[positions] = -np.inf
        batch.extend(samples[:, best].astype(float), rng)


def _find_copies(samples):
    """Number the rows; rows with equal probabilities share a number."""
    rows = np.ascontiguousarray(np.moveaxis(samples, 1, 0)).reshape(samples.shape[1], -1)
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return np.unique(whole, return_inverse=True)[1]


def _best_row(batch, samples, known, bounds, told, tie_break):
    """Find the row that adds most, and lower the bounds of the rows examined."""
    order = tie_break[np.argsort(-bounds[tie_break], kind="stable")]
    size = max(1, _CELLS // (len(batch.weights) * samples.shape[2]))
    best, gain = order[0], -np.inf
    for start in range(0, len(order), size):
        block = order[start : start + size]
        block = block[bounds[block] > gain]
        if len(block) == 0:
            break
        gains = batch.expected_entropy(samples[:, block]) - known[block]
        bounds[block] = np.where(told[block], 0.0, gains)
        winner = block[np.argmax(bounds[block])]
        if bounds[winner] > gain:
            best, gain = winner, bounds[winner]
    return best, gain


class BatchBALD(QueryStrategy):
    """Ask for the rows whose labels together are most informative about the model.

    Unlike `BALD`, it avoids redundant rows in a round. The information about `n_models` models is
    at most ``log(n_models)``: when a batch has it all, further rows add nothing and are
    effectively random. Use it for small batches (up to about 10 rows with the default of 50
    models), and `PowerBALD` for large ones. It holds ``n_models * n_classes`` numbers per
    candidate: for large pools, put it in a `SubsamplePool` or behind a `Prefilter`.

    Parameters
    ----------
    n_models : int, default=50
        Models to sample, by dropout or from an ensemble.
    n_configurations : int, default=1000
        Number of label configurations to keep; see `batch_bald`.

    See Also
    --------
    PowerBALD : Faster, and for large batches.
    BALD : Scores each row alone.
    skal.strategies.functions.batch_bald : The choice, a function of arrays.

    References
    ----------
    Kirsch, van Amersfoort and Gal, "BatchBALD: efficient and diverse batch acquisition for deep
    Bayesian active learning", NeurIPS 2019.

    Examples
    --------
    The first two rows are copies. One of them tells all that both can tell:

    >>> import numpy as np
    >>> from sklearn.ensemble import VotingClassifier
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skal.strategies import BALD, BatchBALD
    >>> X_labeled = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> members = [(f"k={k}", KNeighborsClassifier(k)) for k in (1, 3, 5)]
    >>> committee = VotingClassifier(members, voting="soft").fit(X_labeled, [0, 0, 1, 0, 1, 1])
    >>> X = np.array([[7.0], [7.0], [9.0]])
    >>> X[BALD().query(committee, X, 2)].ravel().tolist()
    [7.0, 7.0]
    >>> X[BatchBALD().query(committee, X, 2)].ravel().tolist()
    [7.0, 9.0]
    """

    needs = frozenset({"sample_proba"})
    _parameter_constraints = {
        "n_models": [Interval(Integral, 1, None, closed="left")],
        "n_configurations": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_models=50, n_configurations=1000):
        self.n_models = n_models
        self.n_configurations = n_configurations

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `batch_bald`; see `QueryStrategy.select`."""
        samples = learner.sample_proba(X, self.n_models, random_state=random_state)
        return batch_bald(samples, n_instances, self.n_configurations, random_state)
