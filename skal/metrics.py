"""Metrics of models and budget curves, and tests of differences."""

import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.utils import check_random_state

from skal._utils.estimators.pipelines import Chain

__all__ = [
    "area_under_budget_curve",
    "bootstrap_interval",
    "budget_curve",
    "budget_curve_scorer",
    "classification_scores",
    "holm_correction",
    "label_saving",
    "labels_to_reach",
    "paired_test",
]


def classification_scores(y_true, y_pred):
    """Compute accuracy and macro-averaged precision, recall and F1.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The labels.
    y_pred : array-like of shape (n_samples,)
        The predictions.

    Returns
    -------
    dict
        With the keys accuracy, precision, recall, f1 and recall_rarest. The averages include the
        classes in either argument; a class missing in one of them counts as 0. recall_rarest is
        the recall of the class with the fewest rows in `y_true`, the first in sorted order if
        there are several.

    See Also
    --------
    budget_curve : These scores over the rounds of a campaign.

    Examples
    --------
    >>> from skal.metrics import classification_scores
    >>> scores = classification_scores(["owl", "fox", "owl", "fox"], ["owl", "fox", "fox", "fox"])
    >>> print(f"{scores['accuracy']:.2f}, {scores['f1']:.2f}")
    0.75, 0.73
    """
    classes, counts = np.unique(np.asarray(y_true), return_counts=True)
    of_rarest = np.asarray(y_true) == classes[counts.argmin()]
    precision, recall, f1, _ = precision_recall_fscore_support(
        y_true, y_pred, average="macro", zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(y_true, y_pred)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "recall_rarest": float(np.mean(np.asarray(y_pred)[of_rarest] == classes[counts.argmin()])),
    }


def budget_curve(history, metric="accuracy"):
    """Return the budget curve of a history: a metric against the number of labels.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a campaign that was fitted with an `eval_set`.
    metric : {"accuracy", "precision", "recall", "f1", "recall_rarest"}, default="accuracy"
        The metric on the evaluation set after every round.

    Returns
    -------
    n_labels : ndarray of shape (n_rounds + 1,)
        Number of labels in the training of each round.
    values : ndarray of shape (n_rounds + 1,)
        The metric.

    Raises
    ------
    ValueError
        If the history is empty or lacks the metric.

    See Also
    --------
    area_under_budget_curve : One number for a curve.
    skal.display.BudgetCurveDisplay : Draws the curve.

    Examples
    --------
    >>> from skal.metrics import budget_curve
    >>> budget_curve([
    ...     {"n_labeled": 20, "eval_accuracy": 0.5}, {"n_labeled": 40, "eval_accuracy": 0.75}
    ... ])
    (array([20., 40.]), array([0.5 , 0.75]))
    """
    if not len(history):
        raise ValueError("the history is empty: no round has been trained")
    key = f"eval_{metric}"
    missing = [entry.get("round") for entry in history if key not in entry]
    if missing:
        raise ValueError(
            f"round {missing[0]} of the history has no {key!r}; fit with eval_set=(X, y), and "
            "choose one of accuracy, precision, recall, f1 and recall_rarest"
        )
    n_labels = np.array([entry["n_labeled"] for entry in history], dtype=float)
    return n_labels, np.array([entry[key] for entry in history], dtype=float)


def area_under_budget_curve(n_labels, values):
    """Compute the mean height of a budget curve: its area divided by its width.

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Numbers of labels, increasing.
    values : array-like of shape (n_points,)
        The metric at each.

    Returns
    -------
    float
        Area by the trapezoid rule over labels, divided by the range of labels; for a curve of one
        point, its value. Its unit is that of the metric; 1 is perfect accuracy at every number of
        labels. Only curves over the same range of labels are comparable.

    Raises
    ------
    ValueError
        If the curve is empty, its lengths differ, or the labels do not increase.

    See Also
    --------
    budget_curve : The curve of a campaign.
    labels_to_reach : Labels until a value, instead of a mean over labels.
    budget_curve_scorer : The same, as a scorer of a grid search.

    Examples
    --------
    >>> from skal.metrics import area_under_budget_curve
    >>> float(area_under_budget_curve([20, 40, 60], [0.5, 0.75, 0.75]))
    0.6875
    """
    n_labels, values = _check_curve(n_labels, values)
    if len(n_labels) == 1:
        return float(values[0])
    return float(np.trapezoid(values, n_labels) / (n_labels[-1] - n_labels[0]))


def labels_to_reach(n_labels, values, target):
    """Compute the number of labels at which a curve first reaches a target.

    Parameters
    ----------
    n_labels : array-like of shape (n_points,)
        Numbers of labels, increasing.
    values : array-like of shape (n_points,)
        The metric at each.
    target : float
        The value to reach, such as 0.95 times the accuracy with all labels.

    Returns
    -------
    float
        Interpolated linearly between the two rounds around the crossing. NaN if the curve never
        reaches the target, and the first number of labels if it starts above.

    Raises
    ------
    ValueError
        If the curve is empty, its lengths differ, or the labels do not increase.

    See Also
    --------
    label_saving : Compares two curves.

    Examples
    --------
    >>> from skal.metrics import labels_to_reach
    >>> float(labels_to_reach([20, 40, 60], [0.5, 0.7, 0.9], 0.8))
    50.0
    """
    n_labels, values = _check_curve(n_labels, values)
    reached = np.flatnonzero(values >= target)
    if len(reached) == 0:
        return float("nan")
    first = reached[0]
    if first == 0:
        return float(n_labels[0])
    share = (target - values[first - 1]) / (values[first] - values[first - 1])
    return float(n_labels[first - 1] + share * (n_labels[first] - n_labels[first - 1]))


def label_saving(curve, reference, target):
    """Compute the share of labels that a strategy saves over a reference.

    Parameters
    ----------
    curve : tuple of (n_labels, values)
        The strategy's budget curve, as `budget_curve` returns it.
    reference : tuple of (n_labels, values)
        The curve to compare with, usually that of random sampling.
    target : float
        The value that both curves must reach.

    Returns
    -------
    float
        1 minus the ratio of labels needed: 0.4 if 60 labels replace 100, negative if the strategy
        needs more labels, NaN if either curve never reaches the target.

    See Also
    --------
    labels_to_reach : The numbers that are compared.
    paired_test : Tests whether a difference holds over seeds.

    Examples
    --------
    >>> from skal.metrics import label_saving
    >>> curve = [20, 40, 60], [0.5, 0.9, 0.9]
    >>> reference = [20, 40, 60, 80], [0.5, 0.7, 0.8, 0.9]
    >>> print(label_saving(curve, reference, 0.9))
    0.5
    """
    return 1 - labels_to_reach(*curve, target) / labels_to_reach(*reference, target)


def budget_curve_scorer(estimator, X, y):
    """Score a campaign by the area under its whole accuracy curve.

    A scorer for `~sklearn.model_selection.GridSearchCV` and
    `~sklearn.model_selection.cross_validate`: ``scoring=budget_curve_scorer``.

    Parameters
    ----------
    estimator : ActiveLearningClassifier or Pipeline
        A campaign fitted with ``store_rounds=True``, or a Pipeline that ends in one.
    X : array-like or sequence of n_samples rows
        Test rows.
    y : array-like of shape (n_samples,)
        Their labels.

    Returns
    -------
    float
        `area_under_budget_curve` of the accuracy of every round's model on these rows.

    Raises
    ------
    TypeError
        If the estimator lacks ``staged_predict``.

    See Also
    --------
    budget_curve : The curve of a fitted campaign.
    area_under_budget_curve : The score.

    Examples
    --------
    Which strategy learns fastest in a cross-validation of whole campaigns?

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skal import ActiveLearningClassifier
    >>> from skal.metrics import budget_curve_scorer
    >>> from skal.strategies import MarginSampling, RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500),
    ...     n_initial=5, n_instances=5, budget=30, store_rounds=True, random_state=0,
    ... )
    >>> search = GridSearchCV(
    ...     campaign,
    ...     {"strategy": [RandomSampling(), MarginSampling()]},
    ...     scoring=budget_curve_scorer,
    ...     cv=3,
    ... ).fit(X, y)
    >>> search.cv_results_["mean_test_score"].shape, bool(search.best_score_ > 0.8)
    ((2,), True)
    """
    chain = Chain(estimator)
    campaign = chain.answering
    if not hasattr(campaign, "staged_predict") or not hasattr(campaign, "history_"):
        raise TypeError(
            f"budget_curve_scorer needs a fitted ActiveLearningClassifier with store_rounds=True, "
            f"not {type(campaign).__name__}"
        )
    values = [
        accuracy_score(y, prediction) for prediction in campaign.staged_predict(chain.features(X))
    ]
    return area_under_budget_curve([entry["n_labeled"] for entry in campaign.history_], values)


def paired_test(values, reference):
    """Test whether paired values differ from a reference: Wilcoxon's signed-rank test.

    Parameters
    ----------
    values : array-like of shape (n_pairs,)
        One value for each seed, such as areas under the budget curve.
    reference : array-like of shape (n_pairs,)
        The reference's values for the same seeds.

    Returns
    -------
    float
        Two-sided p-value; 1 if all pairs are equal. With n pairs it is never below
        2 / 2 ** n, that is 0.0625 for 5 seeds and 0.03125 for 6.

    Raises
    ------
    ValueError
        If the lengths differ, there are no pairs, or a value is NaN.

    See Also
    --------
    holm_correction : Corrects several p-values.
    bootstrap_interval : How large the difference is.
    skal.experiment.compare : Runs, tests and reports in one call.

    References
    ----------
    Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945.

    Examples
    --------
    >>> from skal.metrics import paired_test
    >>> margin = [0.91, 0.90, 0.93, 0.89, 0.92, 0.90]
    >>> random = [0.85, 0.86, 0.88, 0.84, 0.87, 0.85]
    >>> print(f"{paired_test(margin, random):.3f}")
    0.031
    """
    values, reference = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    if values.shape != reference.shape or values.ndim != 1 or not len(values):
        raise ValueError(
            f"values and reference must be 1-D, of the same length and not empty; their shapes "
            f"are {values.shape} and {reference.shape}"
        )
    difference = values - reference
    if np.isnan(difference).any():
        raise ValueError("values and reference must not be NaN")
    if not difference.any():
        return 1.0
    return float(stats.wilcoxon(difference).pvalue)


def holm_correction(p_values):
    """Correct p-values for the number of tests, by Holm's step-down method.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)
        One for each test.

    Returns
    -------
    ndarray of shape (n_tests,)
        Corrected p-values, in the same order, at most 1. NaN stays NaN and does not count as a
        test.

    See Also
    --------
    paired_test : Makes the p-values.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.

    Examples
    --------
    >>> from skal.metrics import holm_correction
    >>> holm_correction([0.01, 0.03, 0.04]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=float)
    corrected = np.full(p_values.shape, np.nan)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def bootstrap_interval(values, *, confidence_level=0.95, n_resamples=9999, random_state=None):
    """Compute a bootstrap confidence interval of the mean.

    Parameters
    ----------
    values : array-like of shape (n_values,)
        One value for each seed; NaN is ignored.
    confidence_level : float, default=0.95
        Between 0 and 1.
    n_resamples : int, default=9999
        Draws with replacement.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    low : float
        Lower end of the percentile interval; NaN with fewer than two values.
    high : float
        Upper end.

    See Also
    --------
    paired_test : Whether the values differ from a reference.

    References
    ----------
    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> from skal.metrics import bootstrap_interval
    >>> low, high = bootstrap_interval([0.02, 0.04, 0.05, 0.03, 0.06], random_state=0)
    >>> bool(0.02 <= low < 0.04 < high <= 0.06)
    True
    """
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return float("nan"), float("nan")
    rng = check_random_state(random_state)
    means = values[rng.randint(len(values), size=(n_resamples, len(values)))].mean(axis=1)
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _check_curve(n_labels, values):
    n_labels, values = np.asarray(n_labels, dtype=float), np.asarray(values, dtype=float)
    if n_labels.ndim != 1 or n_labels.shape != values.shape or not len(n_labels):
        raise ValueError(
            "a budget curve needs as many values as numbers of labels, and at least one; the "
            f"shapes are {values.shape} and {n_labels.shape}"
        )
    if (np.diff(n_labels) <= 0).any():
        raise ValueError("the numbers of labels of a budget curve must rise from round to round")
    return n_labels, values
