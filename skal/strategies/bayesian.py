"""BALD and PowerBALD: disagreement among samples of the model."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.private import Interval
from skal._utils.rows.lazy import as_rows
from skal.strategies.base import ScoreStrategy
from skal.strategies.ranking import pick_highest
from skal.strategies.uncertainty import entropy

__all__ = ["BALD", "PowerBALD", "SampleScoreStrategy", "mutual_information", "power_sample"]

# Probabilities to hold at a time: all samples of a large pool would not fit in memory.
_CELLS = 2**22


def mutual_information(samples):
    """Compute the mutual information between a row's label and the model.

    The entropy of the mean prediction minus the mean entropy of the predictions, which measures
    disagreement among the samples of the model.

    Parameters
    ----------
    samples : ndarray of shape (n_model_samples, n_samples, n_classes)
        Probabilities by each sample of the model.

    Returns
    -------
    ndarray of shape (n_samples,)
        In nats, from 0 to ``log(min(n_classes, n_model_samples))``.

    See Also
    --------
    batch_bald : Of the labels of several rows together.
    vote_entropy, consensus_entropy, max_disagreement : Other measures of disagreement.
    skal.strategies.BALD : The strategy.

    References
    ----------
    Houlsby, Huszár, Ghahramani and Lengyel, "Bayesian active learning for classification and
    preference learning", arXiv 1112.5745, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import mutual_information
    >>> samples = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> mutual_information(samples).round(3).tolist()
    [0.693, 0.0]
    """
    samples = np.asarray(samples, dtype=float)
    return np.maximum(entropy(samples.mean(axis=0)) - entropy(samples).mean(axis=0), 0)


def power_sample(scores, n_instances, temperature=1.0, random_state=None):
    """Draw rows without replacement, with weights that are powers of the scores.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Non-negative. Rows with a score of 0 are only drawn if there are no others.
    n_instances : int
        Rows wanted, at most n_samples.
    temperature : float, default=1.0
        The weights are ``scores ** (1 / temperature)``. Low values approach picking the highest
        scores, high values a uniform draw.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions, in the order drawn.

    See Also
    --------
    pick_highest : Picks the highest scores instead of a draw.
    skal.strategies.PowerBALD : The strategy.

    References
    ----------
    Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal, "Stochastic batch
    acquisition: a simple baseline for deep active learning", arXiv 2106.12059, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import power_sample
    >>> scores = np.array([0.0, 0.0, 5.0])
    >>> power_sample(scores, 1, random_state=0).tolist()
    [2]
    """
    rng = check_random_state(random_state)
    with np.errstate(divide="ignore"):
        logarithms = np.log(np.asarray(scores, dtype=float))
    # The highest log-weights plus Gumbel noise are a draw without replacement.
    return pick_highest(
        logarithms / temperature + rng.gumbel(size=len(logarithms)), n_instances, rng
    )


class SampleScoreStrategy(ScoreStrategy):
    """Base of the strategies that score each row by predictions of samples of the model.

    A subclass implements `reduce`, and `n_model_samples` returns one of its parameters.

    See Also
    --------
    BALD : Scores by the mutual information.
    QueryByCommittee : Scores by the disagreement of members.

    Examples
    --------
    Score rows by the spread of the samples' probabilities of the first class:

    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.strategies import SampleScoreStrategy
    >>> class Spread(SampleScoreStrategy):
    ...     def __init__(self, n_models=10):
    ...         self.n_models = n_models
    ...     @property
    ...     def n_model_samples(self):
    ...         return self.n_models
    ...     def reduce(self, samples):
    ...         return samples[:, :, 0].std(axis=0)
    >>> X_labeled = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X_labeled, [0, 0, 0, 1, 1, 1])
    >>> Spread().query(forest, np.array([[0.5], [4.4], [8.5]]), 1)
    array([1])
    """

    needs = frozenset({"sample_proba"})

    @property
    @abstractmethod
    def n_model_samples(self):
        """Number of samples of the model."""

    @abstractmethod
    def reduce(self, samples):
        """Score rows by the samples.

        Parameters
        ----------
        samples : ndarray of shape (n_model_samples, n_samples, n_classes)
            Probabilities by each sample of the model.

        Returns
        -------
        ndarray of shape (n_samples,)
            Rows with higher scores are asked about first.
        """

    def score(self, learner, X, random_state=None):
        """Score candidates by samples of the model; see `ScoreStrategy.score`."""
        # Use the same seed for every block, so that all rows are scored by the same models.
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
        size = max(1, _CELLS // (self.n_model_samples * len(learner.classes_)))
        parts = [
            self.reduce(learner.sample_proba(block, self.n_model_samples, random_state=seed))
            for block in as_rows(X).blocks(size)
        ]
        return np.concatenate(parts)


class BALD(SampleScoreStrategy):
    """Ask for the rows whose label is most informative about the model.

    The model is sampled by dropout passes or by the members of an ensemble. Costs
    `n_models` passes over the pool, one after the other.

    Parameters
    ----------
    n_models : int, default=20
        Models that are sampled, by dropout or from an ensemble.

    See Also
    --------
    PowerBALD : Draws by the same score, for batches.
    BatchBALD : Considers the rows of a small batch together.
    QueryByCommittee : Other measures of disagreement.
    skal.strategies.functions.mutual_information : The score, a function of arrays.

    References
    ----------
    Houlsby, Huszár, Ghahramani and Lengyel, "Bayesian active learning for classification and
    preference learning", arXiv 1112.5745. Gal, Islam and Ghahramani, "Deep Bayesian active
    learning with image data", ICML 2017.

    Examples
    --------
    The trees of a forest are samples of the model. They disagree on rows between the classes:

    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.strategies import BALD
    >>> X_labeled = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> forest = RandomForestClassifier(20, random_state=0).fit(X_labeled, [0, 0, 0, 1, 1, 1])
    >>> X = np.array([[0.5], [4.4], [8.5]])
    >>> BALD(n_models=20).query(forest, X, 1).tolist()
    [1]
    """

    _parameter_constraints = {"n_models": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, n_models=20):
        self.n_models = n_models

    @property
    def n_model_samples(self):
        """Number of samples of the model."""
        return self.n_models

    def reduce(self, samples):
        """Score rows by `mutual_information`; see `SampleScoreStrategy.reduce`."""
        return mutual_information(samples)


class PowerBALD(BALD):
    """Draw rows with weights that are powers of their BALD scores.

    The highest BALD scores are often near-duplicates of each other. A draw spreads the batch, at
    the price of `BALD`, and serves batches far larger than `BatchBALD` can.

    Parameters
    ----------
    n_models : int, default=20
        Models that are sampled, by dropout or from an ensemble.
    temperature : float, default=1.0
        The weights are ``score ** (1 / temperature)``; close to 0 it is BALD itself.

    See Also
    --------
    BALD : Picks the highest scores.
    BatchBALD : Considers the rows of a small batch together.
    skal.strategies.functions.power_sample : The draw, a function of arrays.

    References
    ----------
    Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal, "Stochastic batch
    acquisition: a simple baseline for deep active learning", arXiv 2106.12059.

    Examples
    --------
    The trees of the forest agree on the first and the last row, which are not drawn:

    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skal.strategies import PowerBALD
    >>> X_labeled = np.array([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]])
    >>> forest = RandomForestClassifier(20, random_state=0).fit(X_labeled, [0, 0, 0, 1, 1, 1])
    >>> X = np.array([[0.0], [4.3], [4.4], [4.5], [9.0]])
    >>> sorted(PowerBALD().query(forest, X, 3, random_state=0).tolist())
    [1, 2, 3]
    """

    _parameter_constraints = {
        **BALD._parameter_constraints,
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, n_models=20, temperature=1.0):
        super().__init__(n_models)
        self.temperature = temperature

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Draw rows by `power_sample`; see `QueryStrategy.select`."""
        scores = self.score(learner, X, random_state)
        positions = power_sample(scores, n_instances, self.temperature, random_state)
        return positions, scores[positions]
