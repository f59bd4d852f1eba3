"""EGL, ECG, BADGE: strategies based on the gradient of the loss at possible labels."""

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import as_floats
from skal._utils.private import StrOptions
from skal.strategies.base import QueryStrategy, ScoreStrategy
from skal.strategies.ranking import pick_highest

__all__ = [
    "BADGE",
    "ExpectedChangeOfGradient",
    "ExpectedGradientLength",
    "badge",
    "expected_change_of_gradient",
    "expected_gradient_length",
]


def _squared_norms(matrix):
    matrix = as_floats(matrix)
    return np.einsum("nd,nd->n", matrix, matrix).astype(float)


def _peaks(proba):
    """Return each row's highest probability and the sum of squares of the others."""
    # The other squares are summed directly. For confident predictions, subtracting the largest
    # square from the total would leave only rounding errors.
    place = (np.arange(len(proba)), proba.argmax(axis=1))
    others = proba.copy()
    others[place] = 0
    return place, proba[place], _squared_norms(others)


def expected_gradient_length(proba, embedding, bias=True):
    """Compute the expected length of the loss gradient at a softmax layer, in closed form.

    The gradient for label y is ``(p - e_y) z'``, so its length is ``|p - e_y| |z|``; the
    expectation is over all labels y under p. Weight penalties are ignored.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities.
    embedding : ndarray of shape (n_samples, n_dimensions)
        Inputs of the softmax layer.
    bias : bool, default=True
        Whether the layer has a bias; its gradient then counts too.

    Returns
    -------
    ndarray of shape (n_samples,)
        At least 0; 0 if one class has probability 1.

    See Also
    --------
    expected_change_of_gradient : Weighs the gradient for the predicted label only.
    skal.strategies.ExpectedGradientLength : The strategy.

    References
    ----------
    Settles, "Active learning literature survey", 2009, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import expected_gradient_length
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    >>> embedding = np.ones((3, 2))
    >>> expected_gradient_length(proba, embedding).round(3).tolist()
    [1.225, 0.441, 0.0]
    """
    proba = np.asarray(proba, dtype=float)
    place, peak, rest = _peaks(proba)
    total = rest + peak**2
    squared = (1 - proba) ** 2 + (total[:, None] - proba**2)
    squared[place] = (1 - peak) ** 2 + rest
    length = np.sqrt(_squared_norms(embedding) + bool(bias))
    return length * np.einsum("nc,nc->n", proba, np.sqrt(squared))


def expected_change_of_gradient(proba, embedding, bias=False):
    """Compute the expected length of the gradient's columns at a softmax layer.

    The gradient is taken at the predicted label. Column j, which belongs to the weights of
    class j, has length ``|p_j - [j is predicted]| |z|``; the expectation is over j under p.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities.
    embedding : ndarray of shape (n_samples, n_dimensions)
        Inputs of the softmax layer.
    bias : bool, default=False
        Whether to count the gradient of a bias too.

    Returns
    -------
    ndarray of shape (n_samples,)
        At least 0; 0 if one class has probability 1.

    See Also
    --------
    expected_gradient_length : Expects over all possible labels.
    skal.strategies.ExpectedChangeOfGradient : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import expected_change_of_gradient
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    >>> embedding = np.ones((3, 2))
    >>> expected_change_of_gradient(proba, embedding).round(3).tolist()
    [0.707, 0.141, 0.0]
    """
    _, peak, rest = _peaks(np.asarray(proba, dtype=float))
    return np.sqrt(_squared_norms(embedding) + bool(bias)) * (peak * (1 - peak) + rest)


def badge(proba, embedding, n_instances, random_state=None):
    """Sample rows by k-means++ on the gradients for their predicted labels.

    The gradient of row i is the outer product of ``a_i = p_i - e_predicted`` and ``z_i``. It is
    not computed: the product of two gradients is ``(a_i . a_j) (z_i . z_j)``, so a pick costs
    ``n_samples * (n_classes + n_dimensions)``. The first pick has the longest gradient. Others are
    drawn with the squared distance to the nearest pick as weight. Rows whose gradient equals that
    of a pick have weight 0, and are drawn at random after all others.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities.
    embedding : ndarray of shape (n_samples, n_dimensions)
        Inputs of the softmax layer.
    n_instances : int
        Rows wanted, at most n_samples.
    random_state : int, RandomState instance or None, default=None
        Draws the rows.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions, in the order drawn.

    See Also
    --------
    k_center_greedy : Diversity without gradients.
    expected_gradient_length : The length of the gradients alone.
    skal.strategies.BADGE : The strategy.

    References
    ----------
    Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep batch active learning by diverse,
    uncertain gradient lower bounds", ICLR 2020, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import badge
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    >>> embedding = np.ones((3, 2))
    >>> badge(proba, embedding, 1, random_state=0).tolist()
    [0]
    """
    rng = check_random_state(random_state)
    residual = np.array(proba, dtype=float)
    residual[np.arange(len(residual)), residual.argmax(axis=1)] -= 1
    embedding = as_floats(embedding)
    squares = _squared_norms(residual) * _squared_norms(embedding)
    # Squared distances below this share of the lengths are rounding errors of the products.
    noise = 4 * np.sqrt(embedding.shape[1]) * np.finfo(embedding.dtype).eps

    nearest = np.full(len(squares), np.inf)
    picks = [pick_highest(squares, 1, rng)[0]]
    while len(picks) < n_instances:
        new = picks[-1]
        distances = squares + squares[new]
        threshold = noise * distances
        distances -= 2 * (residual @ residual[new]) * (embedding @ embedding[new])
        distances[distances <= threshold] = 0
        np.minimum(nearest, distances, out=nearest)
        nearest[new] = 0
        cumulated = np.cumsum(nearest)
        if cumulated[-1] == 0:
            return _fill(picks, len(squares), n_instances, rng)
        drawn = np.searchsorted(cumulated, rng.uniform() * cumulated[-1], side="right")
        # Rounding may put the draw past the end, on rows of weight 0.
        picks.append(min(drawn, np.searchsorted(cumulated, cumulated[-1])))
    return np.array(picks, dtype=np.intp)


def _fill(picks, n_samples, n_instances, random_state):
    """Fill up with rows drawn from the unpicked rows."""
    rest = np.setdiff1d(np.arange(n_samples), picks)
    added = random_state.choice(rest, n_instances - len(picks), replace=False)
    return np.concatenate([picks, added]).astype(np.intp)


class ExpectedGradientLength(ScoreStrategy):
    """Ask for the rows whose label should change the network most.

    Parameters
    ----------
    layers : {"last", "all"}, default="last"
        Weights whose gradient counts: "last" for the last layer, in closed form without a backward
        pass; "all" for the whole network, with many backward passes.
    bias : bool, default=True
        Whether the last layer has a bias. With all layers, biases always count.

    See Also
    --------
    ExpectedChangeOfGradient : Weighs the gradient for the predicted label only.
    BADGE : Picks long gradients of different directions.
    skal.strategies.functions.expected_gradient_length : The score, a function of arrays.

    References
    ----------
    Settles, Craven and Ray, "Multiple-instance active learning", NIPS 2007. Settles, "Active
    learning literature survey", 2009, section 3.3.

    Examples
    --------
    Rows 1 and 2 are equally uncertain. The longer row has the longer gradient:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import ExpectedGradientLength
    >>> model = LogisticRegression(C=10).fit([[0, 2], [2, 0]], ["cat", "dog"])
    >>> X = np.array([[0, 2], [1, 1], [4, 4]])
    >>> positions, scores = ExpectedGradientLength().query(model, X, 2, return_scores=True)
    >>> positions.tolist(), scores.round(2).tolist()
    ([2, 1], [4.06, 1.22])
    """

    _parameter_constraints = {"layers": [StrOptions({"last", "all"})], "bias": ["boolean"]}

    def __init__(self, layers="last", bias=True):
        self.layers = layers
        self.bias = bias

    def required(self):
        """Return the names of all learner methods needed; see `QueryStrategy.required`."""
        if self.layers == "all":
            return frozenset({"gradient_length"})
        return frozenset({"predict_proba", "embed"})

    def score(self, learner, X, random_state=None):
        """Score by `expected_gradient_length` or all layers; see `ScoreStrategy.score`."""
        if self.layers == "all":
            if not self.bias:
                raise ValueError(
                    "bias=False needs layers='last'; layers='all' always includes biases"
                )
            return learner.gradient_length(X)
        proba, embedding = learner.predict_proba(X), learner.embed(X)
        return expected_gradient_length(proba, embedding, bias=self.bias)


class ExpectedChangeOfGradient(ScoreStrategy):
    """Ask for the rows whose predicted label would change the weights of the classes most.

    Similar to `ExpectedGradientLength`, but weights the gradient at the predicted label by the
    probability of each class.

    Parameters
    ----------
    bias : bool, default=False
        Whether to count the gradient of the last layer's bias too.

    See Also
    --------
    ExpectedGradientLength : Expects over all possible labels.
    BADGE : Picks long gradients of different directions.
    skal.strategies.functions.expected_change_of_gradient : The score, a function of arrays.

    Examples
    --------
    Rows 1 and 2 are equally uncertain. The longer row has the longer gradient:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import ExpectedChangeOfGradient
    >>> model = LogisticRegression(C=10).fit([[0, 2], [2, 0]], ["cat", "dog"])
    >>> X = np.array([[0, 2], [1, 1], [4, 4]])
    >>> positions, scores = ExpectedChangeOfGradient().query(model, X, 2, return_scores=True)
    >>> positions.tolist(), scores.round(2).tolist()
    ([2, 1], [2.83, 0.71])
    """

    needs = frozenset({"predict_proba", "embed"})
    _parameter_constraints = {"bias": ["boolean"]}

    def __init__(self, bias=False):
        self.bias = bias

    def score(self, learner, X, random_state=None):
        """Score by `expected_change_of_gradient`; see `ScoreStrategy.score`."""
        proba, embedding = learner.predict_proba(X), learner.embed(X)
        return expected_change_of_gradient(proba, embedding, bias=self.bias)


class BADGE(QueryStrategy):
    """Ask for rows with long and diverse gradients.

    Uncertain predictions have long gradients, and gradients with different directions avoid
    redundant rows. There are no parameters to tune. For a pool of a million rows, put it in a
    `SubsamplePool`.

    See Also
    --------
    CoreSet : Diversity alone.
    ExpectedGradientLength : The length of the gradients alone.
    skal.strategies.functions.badge : The choice, a function of arrays.

    References
    ----------
    Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep batch active learning by diverse,
    uncertain gradient lower bounds", ICLR 2020.

    Examples
    --------
    Rows 2 and 3 have the same gradient, so only one of them is asked:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import BADGE
    >>> model = LogisticRegression().fit([[0, 2], [2, 0]], ["cat", "dog"])
    >>> X = np.array([[0.0, 9.0], [1.0, 1.0], [4.1, 4.0], [4.1, 4.0], [4.0, 4.1]])
    >>> picks = BADGE().query(model, X, 3, random_state=0)
    >>> np.unique(X[picks], axis=0).tolist()
    [[1.0, 1.0], [4.0, 4.1], [4.1, 4.0]]
    """

    needs = frozenset({"predict_proba", "embed"})

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `badge`; see `QueryStrategy.select`."""
        proba, embedding = learner.predict_proba(X), learner.embed(X)
        return badge(proba, embedding, n_instances, random_state), None
