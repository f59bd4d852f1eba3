"""ActiveLearningClassifier: a campaign as a scikit-learn classifier."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, _fit_context, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skal._ensembles import expand_columns
from skal._rows import n_rows
from skal.campaign.inputs import (
    amount,
    check_column,
    check_eval_set,
    check_indices,
    check_labels,
    check_rows,
    encode,
    find_classes,
)
from skal.campaign.rounds import Rounds
from skal.campaign.snapshots import restore
from skal.campaign.state import CampaignState
from skal.campaign.training import prepare, weight_names
from skal.learner import check_supported
from skal.strategies import QueryStrategy, RandomSampling, as_strategy

__all__ = ["ActiveLearningClassifier"]


def _model_has(name):
    def check(self):
        estimator = getattr(self, "estimator_", self.estimator)
        getattr(estimator, name)  # its AttributeError says which estimator lacks the method
        return True

    return check


class ActiveLearningClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Train a classifier on few labels, and choose which ones.

    In each round the strategy chooses rows, their labels are revealed (by `y` in a simulation,
    by an oracle, or by whoever calls `teach`), and the classifier is trained on all labels
    so far.

    Parameters
    ----------
    estimator : estimator
        Any classifier: `skal.models.CNNClassifier`, a Pipeline that ends in one,
        ``LogisticRegression``. Most strategies need its ``predict_proba``.
    strategy : QueryStrategy or callable, default=None
        Chooses the rows; see `skal.strategies`. A function
        ``(learner, X_pool, n_instances) -> positions`` works as well. None: `MarginSampling`.
    n_initial : int or float, default=0.1
        Labels revealed before round 1: a number, or a share of the known labels. Not used
        where some labels are known and others are not.
    initial_strategy : QueryStrategy or callable, default=None
        Chooses the first rows, without a model. None: at random, without a look at labels.
    n_instances : int or float, default=20
        Labels per round: a number, or a share of the rows.
    budget : int, float or None, default=0.5
        Labels in all: a number, a share of the rows, or None for no limit.
    max_rounds : int, default=None
        Rounds of asking. None: no limit.
    classes : array-like of shape (n_classes,), default=None
        All classes, where the first labels may miss some.
    unlabeled : object, default=-1
        The mark of a row without a label in `y`. None and NaN always mark one;
        ``unlabeled=None`` makes -1 a class like any other.
    store_rounds : bool, default=False
        Keep each round's model for `staged_predict`.
    random_state : int, RandomState instance or None, default=None
        Seeds every choice and every training: the same seed gives the same queries.
    verbose : int, default=0
        1: print a line for each round.

    Attributes
    ----------
    estimator_ : estimator
        The classifier, trained on all labels so far.
    strategy_ : QueryStrategy
        The strategy in use.
    classes_ : ndarray of shape (n_classes,)
        All classes, sorted.
    n_features_in_ : int
        Number of features, where X is an array.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X has any.
    labeled_indices_ : ndarray of shape (n_labeled,)
        Positions of the labeled rows in the X given to `fit`, in the order asked.
    history_ : list of dict
        One record for each training; round 0 is the one on the first labels. Keys: ``round``,
        ``n_labeled``, ``n_new_labeled``, ``indices`` (positions labeled for this round, in
        the order asked), ``scores`` (of the strategy, NaN where it gives none),
        ``seconds_query``, ``seconds_fit`` and, with an `eval_set`, ``eval_accuracy``,
        ``eval_precision``, ``eval_recall`` and ``eval_f1`` (macro averages).
    n_rounds_ : int
        Rounds of asking.
    stop_reason_ : str
        Why `fit` stopped.

    See Also
    --------
    skal.strategies : The strategies.
    skal.metrics.budget_curve_scorer : Scores the whole campaign in a grid search.

    Notes
    -----
    Labels that have not been asked for influence nothing: permuting them leaves every query
    as it is. Settles, "Active learning literature survey", 2009, section 2.3, describes this
    setting, pool-based sampling.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=1000), n_initial=20, budget=100, random_state=0
    ... ).fit(X / 16, y)
    >>> campaign.n_rounds_, len(campaign.labeled_indices_)
    (4, 100)
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"])],
        "strategy": [QueryStrategy, callable, None],
        "n_initial": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
        ],
        "initial_strategy": [QueryStrategy, callable, None],
        "n_instances": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
        ],
        "budget": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
            None,
        ],
        "max_rounds": [Interval(Integral, 0, None, closed="left"), None],
        "classes": ["array-like", None],
        "unlabeled": "no_validation",
        "store_rounds": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        strategy=None,
        *,
        n_initial=0.1,
        initial_strategy=None,
        n_instances=20,
        budget=0.5,
        max_rounds=None,
        classes=None,
        unlabeled=-1,
        store_rounds=False,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.strategy = strategy
        self.n_initial = n_initial
        self.initial_strategy = initial_strategy
        self.n_instances = n_instances
        self.budget = budget
        self.max_rounds = max_rounds
        self.classes = classes
        self.unlabeled = unlabeled
        self.store_rounds = store_rounds
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        tags.classifier_tags.multi_label = False
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.string = True
        tags.input_tags.three_d_array = inner.input_tags.three_d_array
        tags.input_tags.sparse = False
        return tags

    def get_metadata_routing(self):
        """Get metadata routing of this object.

        Returns
        -------
        MetadataRouter
            Weights go to `fit` of the classifier if it asks for them.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(estimator=self.estimator, method_mapping=mapping)
        )

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X,
        y=None,
        *,
        oracle=None,
        eval_set=None,
        groups=None,
        sample_weight=None,
        on_round=None,
    ):
        """Run a campaign, or begin one.

        With every label known it is simulated: labels start hidden and are revealed as they
        are asked for. With some rows unlabeled, the classifier is trained on the others, and
        `query` and `teach` go on from there. With an oracle, that is asked instead of `y`.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            Features (2-D to N-D), or paths or waveforms if `estimator` is a Pipeline that
            takes them.
        y : array-like of shape (n_samples,)
            Labels; see `unlabeled`. May be left out with an oracle.
        oracle : callable, default=None
            ``oracle(indices)`` returns the labels of these rows of X. It may answer
            `unlabeled` for "cannot tell": that row leaves the pool.
        eval_set : tuple (X, y), default=None
            Scored in each round, for the record only. In a Pipeline it does not pass through
            the steps before this one: give transformed rows, or put the Pipeline inside, as
            `estimator`.
        groups : array-like of shape (n_samples,), default=None
            Recording, speaker or place of each row, for strategies that look at it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, given to `estimator` for the rows that it is trained on.
        on_round : callable, default=None
            Called with each record of `history_` as soon as there is one.

        Returns
        -------
        ActiveLearningClassifier
            The object itself.

        Raises
        ------
        UnsupportedStrategyError
            If the strategy needs what the classifier cannot answer; before any training.
        """
        eval_set = check_eval_set(eval_set)
        simulated = self._begin(X, y, oracle, groups, sample_weight)
        learn = partial(self._learn, eval_set=eval_set, on_round=on_round)
        if simulated:
            self.stop_reason_ = self._loop(lambda rows: self._rounds.state.codes[rows], learn)
        elif oracle is not None:
            self.stop_reason_ = self._loop(lambda rows: self._codes(oracle(rows), rows), learn)
        else:
            learn(self._rounds.state.labeled)
            self.stop_reason_ = "waiting for labels: ask query() for rows, then teach() them"
        return self

    def _begin(self, X, y, oracle, groups, sample_weight):
        """Validate everything before any training; return whether the labels are simulated."""
        if y is None and oracle is None:
            raise ValueError(
                "ActiveLearningClassifier requires y to be passed, but the target y is None. "
                "Mark unlabeled rows in it, or give an oracle."
            )
        X = check_rows(self, X, reset=True)
        n_samples = n_rows(X)
        y = np.full(n_samples, None, dtype=object) if y is None else y
        labels, known = check_labels(y, self.unlabeled, n_samples)
        classes, codes = find_classes(labels, known, self.classes)
        weights = check_column(sample_weight, "sample_weight", n_samples)
        state = CampaignState(
            X, codes, classes, check_column(groups, "groups", n_samples), weights
        )
        rounds = self._make_rounds(state)
        simulated = oracle is None and known.all()
        if not simulated:
            told = np.flatnonzero(known)
            state.reveal(told, codes[told])
        self._n_instances = max(1, amount(self.n_instances, n_samples))
        self._budget = amount(self.budget, n_samples)
        self._rounds, self.strategy_, self.classes_ = rounds, rounds.strategy, classes
        self.n_rounds_, self.stop_reason_ = 0, None
        self._show_rounds()
        return simulated

    def _make_rounds(self, state):
        strategy = clone(as_strategy(self.strategy), safe=False)
        first = RandomSampling() if self.initial_strategy is None else self.initial_strategy
        model = prepare(self.estimator, state.classes)
        check_supported(model, strategy.required(), strategy)
        return Rounds(
            model,
            strategy,
            clone(as_strategy(first), safe=False),
            state,
            seed=int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max)),
            weight_names=self._route_weights(model, state.weights),
            store=self.store_rounds,
        )

    def _route_weights(self, model, weights):
        """Return the keyword arguments of the classifier's fit that take the weights."""
        if weights is None:
            return ()
        if _routing_enabled():
            return tuple(process_routing(self, "fit", sample_weight=weights).estimator.fit)
        return weight_names(model)

    def _loop(self, answer, learn):
        """Play rounds until there is a reason to stop, and return it."""
        rounds, state = self._rounds, self._rounds.state
        if len(state.labeled):
            learn(state.labeled)
        while (reason := self._why_stop()) is None:
            n_instances = self._n_instances
            if rounds.next_round == 0:
                n_instances = max(1, amount(self.n_initial, len(state.candidates)))
            indices = rounds.choose(min(n_instances, self._budget - state.n_labeled))
            if len(indices) == 0:
                return "the strategy asked for nothing"
            learn(state.reveal(indices, answer(indices)))
        return reason

    def _why_stop(self):
        """Return why no further round is played, or None."""
        if not self._rounds.state.open.any():
            return "the pool is empty"
        if self._rounds.state.n_labeled >= self._budget:
            return f"the budget of {self._budget} labels is spent"
        if self.max_rounds is not None and self._rounds.next_round > self.max_rounds:
            return f"max_rounds={self.max_rounds} is reached"
        return None

    def _codes(self, y, rows):
        """Return the class codes of new labels, -1 for those marked unlabeled."""
        labels, known = check_labels(y, self.unlabeled, n_rows(rows))
        codes = np.full(len(labels), -1, dtype=np.intp)
        codes[known] = encode(labels[known], self.classes_)
        return codes

    def _learn(self, told, eval_set=None, on_round=None):
        """Train, and show what came of it."""
        record = self._rounds.learn(told, eval_set)
        self._show_rounds()
        if record is None:
            return
        if self.verbose:
            line = f"round {record['round']}: {record['n_labeled']} labels"
            if "eval_accuracy" in record:
                line += f", accuracy {record['eval_accuracy']:.3f}"
            line += f", {record['seconds_query']:.2f} s choosing"
            print(f"{line}, {record['seconds_fit']:.2f} s training")  # noqa: T201
        if on_round is not None:
            on_round(record)

    def _show_rounds(self):
        """Set the public attributes, which are always those of the last finished round."""
        rounds = self._rounds
        self.labeled_indices_ = rounds.state.labeled
        self.history_ = rounds.history
        self.n_rounds_ = max(0, rounds.next_round - 1)
        if rounds.estimator is not None:
            self.estimator_ = rounds.estimator
        elif hasattr(self, "estimator_"):
            del self.estimator_

    def query(self, X=None, n_instances=None):
        """Choose the rows to label next.

        Until `teach` is called, the same question gets the same answer.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows, default=None
            Candidates. None: the rows given to `fit` that have no label yet.
        n_instances : int, default=None
            Rows wanted. None: as many as in `fit`.

        Returns
        -------
        ndarray of shape (min(n_instances, n_candidates),)
            Positions in the X given here or, with none, in the X given to `fit`; most wanted
            first. Empty if no row is left.
        """
        check_is_fitted(self, "history_")
        rounds = self._rounds
        n_instances = self._n_instances if n_instances is None else n_instances
        if X is None:
            return rounds.choose(n_instances)
        check_is_fitted(self, "estimator_")
        X = check_rows(self, X, reset=False)
        seed = rounds.query_seed()
        return self.strategy_.query(
            rounds.learner(), X, n_instances, **rounds.labeled(), random_state=seed
        )

    def teach(self, X=None, y=None, *, indices=None):
        """Add labels and train on all labels so far.

        Parameters
        ----------
        X : array-like or sequence of n rows, default=None
            Labeled rows from outside the X given to `fit`; either these or `indices`.
        y : array-like of shape (n,)
            Their labels. With `indices`, `unlabeled` says "cannot tell": that row is not
            asked for again.
        indices : array-like of shape (n,), default=None
            Positions in the X given to `fit`.

        Returns
        -------
        ActiveLearningClassifier
            The object itself.

        Raises
        ------
        ValueError
            If a label is unknown, or a position is outside X, given twice or labeled
            already. Nothing has changed then.
        """
        check_is_fitted(self, "history_")
        if y is None or (X is None) == (indices is None):
            raise ValueError("teach needs y and either X or indices: teach(indices=..., y=...)")
        state = self._rounds.state
        if indices is not None:
            indices = check_indices(indices, n_rows(state.X), state.labeled)
            self._learn(state.reveal(indices, self._codes(y, indices)))
            return self
        X = check_rows(self, X, reset=False)
        codes = self._codes(y, X)
        if (codes < 0).any():
            raise ValueError(f"row {np.flatnonzero(codes < 0)[0]} of X has no label; leave it out")
        state.add_rows(X, codes)
        self._learn(np.empty(0, dtype=np.intp))
        return self

    @available_if(_model_has("predict"))
    def predict(self, X):
        """Predict classes.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(self._check_X(X))

    @available_if(_model_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probability of every class.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each of `classes_`, also for those that no label has shown yet.
        """
        check_is_fitted(self, "estimator_")
        return self._columns(self.estimator_, self._check_X(X))

    def staged_predict(self, X):
        """Predict with the model of each round; needs ``store_rounds=True``.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Yields
        ------
        ndarray of shape (n_samples,)
            Predictions of round 0, 1, and so on.
        """
        X = self._check_X(X)
        for estimator in self._stages():
            yield estimator.predict(X)

    def staged_predict_proba(self, X):
        """Predict probabilities with the model of each round; needs ``store_rounds=True``.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            The rows.

        Yields
        ------
        ndarray of shape (n_samples, n_classes)
            Probabilities of round 0, 1, and so on.
        """
        X = self._check_X(X)
        for estimator in self._stages():
            yield self._columns(estimator, X)

    def _stages(self):
        check_is_fitted(self, "estimator_")
        if len(self._rounds.snapshots) != len(self.history_):
            raise ValueError("the models of past rounds were not kept: fit with store_rounds=True")
        return restore(self._rounds.snapshots, self.estimator_)

    def _check_X(self, X):
        check_is_fitted(self, "estimator_")
        return check_rows(self, X, reset=False)

    def _columns(self, estimator, X):
        return expand_columns(estimator.predict_proba(X), estimator.classes_, self.classes_)
