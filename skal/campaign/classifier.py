"""ActiveLearningClassifier: a campaign as a scikit-learn classifier."""

import copy
import os
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skal._utils.estimators.nested_parameters import NestedParameters
from skal._utils.estimators.pipelines import safe_tags
from skal._utils.private import HasMethods, Interval, StrOptions, _fit_context
from skal.campaign.checkpoint import Checkpoint, NoCheckpoint, describe_campaign
from skal.campaign.inputs import amount, check_eval_set
from skal.campaign.interactive import InteractiveMixin
from skal.campaign.prediction import PredictionMixin
from skal.campaign.rounds import describe_round
from skal.campaign.setup import make_rounds, read_data
from skal.campaign.stopping import StoppingCriterion
from skal.campaign.training.pseudo_labels import PseudoLabels
from skal.campaign.training.replay import Replay
from skal.campaign.training.update import Finetune, Retrain

__all__ = ["ActiveLearningClassifier"]

_AMOUNT = [Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="right")]


class ActiveLearningClassifier(
    InteractiveMixin,
    PredictionMixin,
    NestedParameters,
    MetaEstimatorMixin,
    ClassifierMixin,
    BaseEstimator,
):
    """Train a classifier on few labels, and choose which rows to label.

    In each round the strategy chooses rows, their labels are revealed (by `y` in a simulation, by
    an oracle, or by a call of `teach`), and the classifier is trained on all labels so far.

    Parameters
    ----------
    estimator : estimator
        Any classifier: SciKeras's ``KerasClassifier``, `skal.models.CNNClassifier`,
        ``LogisticRegression``, a Pipeline that ends in one. Most strategies need its
        ``predict_proba``.
    strategy : QueryStrategy or callable, default=None
        Chooses the rows; see `skal.strategies`. A function
        ``(learner, X_pool, n_instances) -> positions`` works as well. None: `MarginSampling`.
    n_initial : int or float, default=0.1
        Labels revealed before round 1: a number, or a share of the known labels. Not used if only
        some labels are known.
    initial_strategy : QueryStrategy or callable, default=None
        Chooses the first rows, without a model. None: random rows.
    n_instances : int or float, default=20
        Labels per round: a number, or a share of the rows.
    budget : int, float or None, default=0.5
        Labels in total: a number, a share of the rows, or None for no limit.
    max_rounds : int, default=None
        Largest number of rounds. None: no limit.
    update : {"retrain", "finetune", "shrink_perturb"}, Retrain or Finetune, default="retrain"
        Whether a round trains from scratch, continues from the weights of the last round, or from
        shrunk and perturbed weights. `Finetune` refuses classifiers that cannot continue training,
        such as ensembles.
    replay : Replay or {"none", "uncertain", "var", "diverse"}, default=None
        Which old labels a round trains on; see `Replay`. None: all.
    pseudo_labels : PseudoLabels, default=None
        Also train on confident predictions of the last model.
    stopping : StoppingCriterion or list of them, default=None
        When to stop before the budget is spent: `TargetScore`, `NoGain`,
        `StabilizedPredictions`, `LowUncertainty`, or one of your own, which reads a
        `CampaignView`.
    classes : array-like of shape (n_classes,), default=None
        All classes, if the first labels may lack some.
    unlabeled : object, default=-1
        The mark of a row without a label in `y`. None, NaN, NA and masked entries are always
        marks; ``unlabeled=None`` makes -1 a class like any other. If the marks leave a single
        class in `y`, `fit` raises an error unless `classes` lists all.
    store_rounds : bool, default=False
        Keep each round's model for `staged_predict`.
    checkpoint : path-like, default=None
        Folder in which the campaign is saved after every round, atomically; `fit` with the same
        data and parameters resumes from there. It refuses other rows, labels, groups, weights,
        parameters or seeds, and names the differences. X is compared exactly up to 256 MiB, and by
        evenly spread rows above; recordings are compared by name, size and modification time. Only
        one process at a time can use the folder. Models are stored as pickles: resume only from
        your own checkpoints.
    random_state : int, RandomState instance or None, default=None
        Seeds all choices and trainings: the same seed gives the same queries, within the limits in
        the notes.
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
    broken_indices_ : ndarray of shape (n_broken,)
        Positions of unreadable recordings, if `estimator` is a Pipeline whose transformer has
        ``on_error="warn"``. They are neither asked nor trained on.
    history_ : list of dict
        One record for each training; round 0 trains on the first labels. Keys: ``round``,
        ``n_labeled``, ``n_new_labeled``, ``n_trained`` (rows trained on, including pseudo-labels;
        0 if the model did not change), ``from_scratch`` (whether training started from scratch),
        ``indices`` (positions labeled for this round, in the order asked), ``scores`` (of the
        strategy, NaN without scores), ``seconds_query``, ``seconds_fit``; with an `eval_set`
        ``eval_accuracy``, ``eval_precision``, ``eval_recall``, ``eval_f1`` (macro averages) and
        ``eval_recall_rarest`` (recall of the class with the fewest rows);
        with `pseudo_labels` ``n_pseudo_labeled``, ``pseudo_indices``, ``pseudo_labels`` (the
        classes given to those), ``threshold`` and, in a simulation, ``pseudo_accuracy``.
    pseudo_labels_ : dict
        With `pseudo_labels`: ``indices`` and ``labels`` of the last round.
    n_rounds_ : int
        Number of rounds after the first training.
    stop_reason_ : str
        Why `fit` stopped.

    See Also
    --------
    skal.strategies : The strategies.
    skal.metrics.budget_curve_scorer : Scores the whole campaign in a grid search.

    Notes
    -----
    Labels that have not been asked have no influence: permuting them does not change any query.
    Settles, "Active learning literature survey", 2009, section 2.3, describes this setting,
    pool-based sampling.

    The same seed gives the same queries on one machine, with the same versions of the libraries
    and the same number of threads. With another number of threads, TensorFlow and BLAS may add
    numbers in another order. Predictions can then differ in their last digits, which can change
    the choice between close candidates. To avoid this, fix the number of threads:
    ``tf.config.threading.set_intra_op_parallelism_threads`` before TensorFlow is first used, and
    `threadpoolctl.threadpool_limits`.

    The first step of a Pipeline computes the features of recordings once if it learns nothing from
    them. The campaign keeps up to 1 GiB of these features in memory. The others are computed in
    every round; `skal.audio.FeatureCache` stores all features on disk.

    A pickle contains the models and the records, but not X. A campaign from a pickle, or from a
    process of joblib (``cross_validate(..., n_jobs=2, return_estimator=True)``), can predict, and
    choose among rows given to `query`. To query the pool and to teach, call `fit` again with the
    same X and `checkpoint`. A search fits its ``best_estimator_`` in this process, so that has its
    pool.

    Examples
    --------
    A SciKeras network behind MFCC, in a grid over the strategy and over the network's own
    parameters. The recordings are those of the Free Spoken Digit Dataset:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from skal import ActiveLearningClassifier
    >>> from skal.audio import MFCC
    >>> from skal.datasets import load_fsdd
    >>> from skal.strategies import EntropyDensityPeaks, MarginSampling
    >>> def cnn(meta, filters=8):
    ...     import keras
    ...
    ...     inputs = keras.Input(meta["X_shape_"][1:])
    ...     x = keras.layers.BatchNormalization()(inputs)
    ...     for n in (filters, 2 * filters):
    ...         x = keras.layers.Conv2D(n, 3, padding="same", activation="relu")(x)
    ...         x = keras.layers.MaxPooling2D(2)(x)
    ...     x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    ...     return keras.Model(inputs, keras.layers.Dense(meta["n_classes_"], "softmax")(x))
    >>> from scikeras.wrappers import KerasClassifier  # doctest: +SKIP
    >>> network = KerasClassifier(
    ...     cnn, loss="sparse_categorical_crossentropy", optimizer="adam",
    ...     optimizer__learning_rate=0.003, epochs=15, verbose=0,
    ... )  # doctest: +SKIP
    >>> model = make_pipeline(
    ...     MFCC(sr=8000, n_mfcc=20, n_fft=512, hop_length=200, duration=0.6),
    ...     ActiveLearningClassifier(network, n_initial=60, n_instances=45, budget=150),
    ... )  # doctest: +SKIP
    >>> grid = {
    ...     "activelearningclassifier__strategy": [MarginSampling(), EntropyDensityPeaks()],
    ...     "activelearningclassifier__estimator__model__filters": [4, 8],
    ... }
    >>> digits = load_fsdd("FSDD")  # doctest: +SKIP
    >>> search = GridSearchCV(model, grid, cv=2).fit(digits.paths, digits.target)  # doctest: +SKIP

    Logistic regression on small images of digits:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_digits(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=1000), n_initial=20, budget=100, random_state=0
    ... ).fit(X / 16, y)
    >>> campaign.n_rounds_, len(campaign.labeled_indices_)
    (4, 100)
    """

    _objects = {
        "strategy": "a strategy such as MarginSampling()",
        "initial_strategy": "a strategy such as TypiClust()",
        "update": "Retrain({0}=...), Finetune({0}=...) or ShrinkPerturb({0}=...)",
        "replay": "Replay({}=...)",
        "pseudo_labels": "PseudoLabels({}=...)",
        "stopping": "a criterion such as TargetScore(0.9)",
    }

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"])],
        "strategy": "no_validation",  # as_strategy raises a clearer error
        "n_initial": _AMOUNT,
        "initial_strategy": "no_validation",
        "n_instances": _AMOUNT,
        "budget": [*_AMOUNT, None],
        "max_rounds": [Interval(Integral, 0, None, closed="left"), None],
        "update": [StrOptions({"retrain", "finetune", "shrink_perturb"}), Retrain, Finetune],
        "replay": [StrOptions({"none", "uncertain", "var", "diverse"}), Replay, None],
        "pseudo_labels": [PseudoLabels, None],
        "stopping": [StoppingCriterion, list, None],
        "classes": ["array-like", None],
        "unlabeled": "no_validation",
        "store_rounds": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
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
        update="retrain",
        replay=None,
        pseudo_labels=None,
        stopping=None,
        classes=None,
        unlabeled=-1,
        store_rounds=False,
        checkpoint=None,
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
        self.update = update
        self.replay = replay
        self.pseudo_labels = pseudo_labels
        self.stopping = stopping
        self.classes = classes
        self.unlabeled = unlabeled
        self.store_rounds = store_rounds
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = safe_tags(self.estimator)
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
        tags.classifier_tags.multi_label = False
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.string = True
        tags.input_tags.three_d_array = inner.input_tags.three_d_array
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    def get_metadata_routing(self):
        """Get metadata routing of this object.

        Returns
        -------
        MetadataRouter
            Weights are routed to `fit` of the classifier if it requests them.
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
        starts=None,
        sample_weight=None,
        on_round=None,
    ):
        """Run a campaign, or start one.

        If all labels are known, the campaign is a simulation: labels start hidden and are revealed
        when they are asked. If some rows are unlabeled, the classifier is trained on the others,
        and `query` and `teach` continue. An oracle replaces `y`.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows
            Features (2-D to N-D), or paths or waveforms if `estimator` is a Pipeline that
            takes them.
        y : array-like of shape (n_samples,)
            Labels; see `unlabeled`. Optional with an oracle.
        oracle : callable, default=None
            ``oracle(indices)`` returns the labels of these rows of X, in their order. It may
            answer `unlabeled` for "cannot tell": that row leaves the pool.
        eval_set : tuple (X, y), default=None
            Scored in each round, only for `history_`. Unlabeled rows are ignored, but at least one
            must be labeled. If this campaign is a step of a Pipeline, the rows do not pass through
            earlier steps: give transformed rows, or use the Pipeline as `estimator`.
        groups : array-like of shape (n_samples,), default=None
            Recording, speaker or place of each row, for strategies that use it. Every row needs a
            group.
        starts : array-like of shape (n_samples,), default=None
            Start of each row in its recording, in s, for strategies that use it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for training `estimator`.
        on_round : callable, default=None
            Called with a copy of each record that this call adds to `history_`, after the
            round is saved. `teach` does not call it, nor do rounds from a checkpoint.

        Returns
        -------
        ActiveLearningClassifier
            The object itself.

        Raises
        ------
        UnsupportedStrategyError
            Before any training, if the classifier lacks a method that the strategy needs.
        """
        rounds = self._begin(X, y, oracle, groups, starts, sample_weight)
        eval_set = check_eval_set(self, eval_set, self.unlabeled, rounds.state)
        learn = partial(self._learn, eval_set=eval_set, on_round=on_round)
        with self._checkpoint.hold():
            self._checkpoint.load_into(rounds)
            self._rounds, self.strategy_ = rounds, rounds.strategy
            self.classes_, self.broken_indices_ = rounds.state.classes, rounds.state.broken
            self.stop_reason_ = None
            self._show_rounds()
            if len(rounds.waiting):
                learn()
            if rounds.simulated:
                self._loop(lambda rows: rounds.state.codes[rows], learn)
            elif oracle is not None:
                self._loop(partial(self._ask, oracle), learn)
            else:
                self._wait_or_stop()
        return self

    def _begin(self, X, y, oracle, groups, starts, sample_weight):
        """Validate everything before any training, and return the rounds."""
        if y is None and oracle is None:
            raise ValueError(
                "ActiveLearningClassifier requires y to be passed, but the target y is None. "
                "Mark unlabeled rows in it, or give an oracle."
            )
        state, known = read_data(self, X, y, groups, starts, sample_weight)
        simulated = bool(oracle is None and known.all())
        self._checkpoint = NoCheckpoint()
        if self.checkpoint is not None:
            description = describe_campaign(self, state, known, simulated=simulated)
            self._checkpoint = Checkpoint(self.checkpoint, description)
        rounds = make_rounds(self, state, simulated=simulated)
        if not simulated:
            told = np.flatnonzero(known)
            rounds.reveal(told, state.codes[told])
        return rounds

    def _loop(self, answer, learn):
        """Run rounds until there is a reason to stop."""
        rounds, state = self._rounds, self._rounds.state
        while (reason := rounds.why_stop()) is None:
            n_instances = rounds.n_instances
            if rounds.next_round == 0:
                n_instances = max(1, amount(self.n_initial, len(state.candidates)))
            indices = rounds.choose(min(n_instances, rounds.budget - state.n_labeled))
            if len(indices) == 0:
                reason = "the strategy returned no rows"
                break
            rounds.reveal(indices, answer(indices))
            if not rounds.simulated:
                self._save()  # save the answers before training
            learn()
        self.stop_reason_ = reason

    def _ask(self, oracle, rows):
        """Return the class codes from an oracle, -1 for "cannot tell"."""
        answer = oracle(rows.copy())  # a copy: an oracle may sort what it is given
        return self._codes(answer, rows, "the answer of the oracle")

    def _wait_or_stop(self):
        """Set stop_reason_ for a campaign that waits for labels."""
        waiting = "waiting for labels: call query(), label the rows, then call teach()"
        self.stop_reason_ = self._rounds.why_stop() or waiting

    def _learn(self, eval_set=None, on_round=None):
        """Train, save, and update the public attributes."""
        record = self._rounds.learn(eval_set)
        self._save()
        self._show_rounds()
        if record is None:
            return
        if self.verbose:
            print(describe_round(record))  # noqa: T201
        if on_round is not None:
            on_round(copy.deepcopy(record))

    def _save(self):
        self._checkpoint.save(self._rounds)

    def _show_rounds(self):
        """Set the public attributes to those of the last finished round."""
        rounds = self._rounds
        self.labeled_indices_ = rounds.state.labeled.copy()
        self.history_ = rounds.history
        self.n_rounds_ = rounds.n_rounds
        for name in ("estimator_", "pseudo_labels_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        if rounds.estimator is not None:
            self.estimator_ = rounds.estimator
        if rounds.pseudo_labels is not None and rounds.history:
            last = rounds.history[-1]
            indices, labels = last["pseudo_indices"], last["pseudo_labels"]
            self.pseudo_labels_ = {"indices": indices.copy(), "labels": labels.copy()}
