"""Query by committee: rows on which the members of a committee disagree."""

from numbers import Integral

import numpy as np
from scipy.special import rel_entr

from skal._utils.private import Interval, StrOptions
from skal.strategies.bayesian import SampleScoreStrategy
from skal.strategies.uncertainty import entropy

__all__ = ["QueryByCommittee", "consensus_entropy", "max_disagreement", "vote_entropy"]


def vote_entropy(samples):
    """Compute the entropy of the members' votes, each for its most probable class.

    Parameters
    ----------
    samples : ndarray of shape (n_members, n_samples, n_classes)
        Probabilities by each member.

    Returns
    -------
    ndarray of shape (n_samples,)
        In nats.

    See Also
    --------
    consensus_entropy, max_disagreement, mutual_information : Other measures of disagreement.
    skal.strategies.QueryByCommittee : The strategy.

    References
    ----------
    Dagan and Engelson, "Committee-based sampling for training probabilistic classifiers",
    ICML 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import vote_entropy
    >>> samples = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> vote_entropy(samples[:, :1]).round(3).tolist()
    [0.693]
    """
    samples = np.asarray(samples)
    n_members, n_samples, n_classes = samples.shape
    cells = np.arange(n_samples) * n_classes + samples.argmax(axis=2)
    votes = np.bincount(cells.ravel(), minlength=n_samples * n_classes)
    return entropy(votes.reshape(n_samples, n_classes) / n_members)


def consensus_entropy(samples):
    """Compute the entropy of the members' mean prediction.

    Parameters
    ----------
    samples : ndarray of shape (n_members, n_samples, n_classes)
        Probabilities by each member.

    Returns
    -------
    ndarray of shape (n_samples,)
        In nats.

    See Also
    --------
    vote_entropy, max_disagreement, mutual_information : Other measures of disagreement.
    skal.strategies.QueryByCommittee : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import consensus_entropy
    >>> samples = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> consensus_entropy(samples).round(3).tolist()
    [0.693, 0.693]
    """
    return entropy(np.mean(samples, axis=0, dtype=float))


def max_disagreement(samples):
    """Compute the largest divergence of a member from the members' mean prediction.

    Parameters
    ----------
    samples : ndarray of shape (n_members, n_samples, n_classes)
        Probabilities by each member.

    Returns
    -------
    ndarray of shape (n_samples,)
        Kullback-Leibler divergence, in nats.

    See Also
    --------
    vote_entropy, consensus_entropy, mutual_information : Other measures of disagreement.
    skal.strategies.QueryByCommittee : The strategy.

    References
    ----------
    McCallum and Nigam, "Employing EM and pool-based active learning for text classification",
    ICML 1998, for the divergence to the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import max_disagreement
    >>> samples = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> max_disagreement(samples).round(3).tolist()
    [0.693, 0.0]
    """
    samples = np.asarray(samples, dtype=float)
    # A divergence is at least 0, but rounding may make it negative.
    return np.maximum(rel_entr(samples, samples.mean(axis=0)).sum(axis=2).max(axis=0), 0)


_DISAGREEMENT = {
    "vote_entropy": vote_entropy,
    "consensus_entropy": consensus_entropy,
    "max_disagreement": max_disagreement,
}


class QueryByCommittee(SampleScoreStrategy):
    """Ask for the rows on which the members of a committee disagree most.

    The committee comes from ``sample_proba``: the members of an ensemble
    (`~sklearn.ensemble.VotingClassifier` combines any classifiers), or dropout passes through a
    network.

    Parameters
    ----------
    disagreement : {"vote_entropy", "consensus_entropy", "max_disagreement"}, \
            default="vote_entropy"
        Measure of disagreement.
    n_members : int, default=10
        Number of members. A smaller ensemble uses all of its members.

    See Also
    --------
    BALD : Measures disagreement by mutual information.
    skal.strategies.functions.vote_entropy : The default measure of disagreement.

    References
    ----------
    Seung, Opper and Sompolinsky, "Query by committee", COLT 1992. Settles, "Active learning
    literature survey", 2009, section 3.2.

    Examples
    --------
    Two members agree on all rows but the second:

    >>> import numpy as np
    >>> from sklearn.ensemble import VotingClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skal.strategies import QueryByCommittee
    >>> members = [("line", LogisticRegression()), ("near", KNeighborsClassifier(1))]
    >>> committee = VotingClassifier(members, voting="soft")
    >>> committee = committee.fit([[0.0], [1.0], [9.0]], ["cat", "cat", "dog"])
    >>> X = np.array([[0.0], [5.1], [8.0], [9.0]])
    >>> [committee.classes_[member.predict(X)].tolist() for member in committee.estimators_]
    [['cat', 'cat', 'dog', 'dog'], ['cat', 'dog', 'dog', 'dog']]
    >>> QueryByCommittee().query(committee, X, 1).tolist()
    [1]
    """

    _parameter_constraints = {
        "disagreement": [StrOptions(set(_DISAGREEMENT))],
        "n_members": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, disagreement="vote_entropy", n_members=10):
        self.disagreement = disagreement
        self.n_members = n_members

    @property
    def n_model_samples(self):
        """Number of samples of the model that are asked for."""
        return self.n_members

    def reduce(self, samples):
        """Score rows by the function chosen; see `SampleScoreStrategy.reduce`."""
        return _DISAGREEMENT[self.disagreement](samples)
