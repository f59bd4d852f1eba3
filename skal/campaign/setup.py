"""Preparation of the first round from parameters and data."""

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.multioutput import ClassifierChain
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import process_routing

from skal._utils.estimators.pipelines import Chain, safe_tags
from skal._utils.private import _routing_enabled
from skal._utils.rows.lazy import check_starts, n_rows
from skal.campaign.broken import find_broken
from skal.campaign.given_labels import check_labels, encode, find_classes
from skal.campaign.inputs import (
    amount,
    check_groups,
    check_rows,
    check_weights,
)
from skal.campaign.rounds import Rounds
from skal.campaign.state import CampaignState
from skal.campaign.training.fit import prepare, weight_names
from skal.campaign.training.remembered_features import remember_rows
from skal.campaign.training.replay import as_replay
from skal.campaign.training.update import as_update
from skal.learner import check_supported
from skal.strategies import MarginSampling, RandomSampling
from skal.strategies.base import as_strategy


def read_data(campaign, X, y, groups, starts, sample_weight):
    """Validate the arguments of `fit`."""
    X = check_rows(campaign, X, reset=True)
    n_samples = n_rows(X)
    y = np.full(n_samples, None, dtype=object) if y is None else y
    labels, known = check_labels(y, campaign.unlabeled, n_samples)
    classes = find_classes(labels, known, campaign.classes, campaign.unlabeled)
    groups, starts = check_groups(groups, n_samples), check_starts(starts, n_samples)
    weights = check_weights(sample_weight, n_samples)
    codes = encode(labels, known, classes)
    return CampaignState(X, codes, classes, groups, weights, starts), known


def make_rounds(campaign, state, *, simulated):
    """Make the rounds of a campaign, and check before any training that they can work."""
    check_classifier(campaign.estimator, len(state.classes))
    strategy = _copy(campaign.strategy, MarginSampling())
    first = _copy(campaign.initial_strategy, RandomSampling())
    model = prepare(campaign.estimator, state.classes)
    update = clone(as_update(campaign.update))
    update.check(model)
    check_supported(model, strategy.required(), strategy)  # before recordings are read
    remember_rows(model, state.X)
    state.set_aside(find_broken(model, state.X))
    given = campaign.stopping if isinstance(campaign.stopping, list) else [campaign.stopping]
    replay, criteria = as_replay(campaign.replay), [clone(c) for c in given if c is not None]
    guesses = None if campaign.pseudo_labels is None else clone(campaign.pseudo_labels)
    askers = [(each, each.required()) for each in (strategy, first)]
    askers += [(each, each.needs) for each in (replay, guesses, *criteria) if each is not None]
    for asker, needs in askers:
        check_supported(model, needs, asker, state.usable, state.classes)
    groups = None if state.groups is None else state.groups[state.usable.positions]
    for each in (strategy, first):
        each.check_pool(state.usable, groups=groups)
    n_samples = n_rows(state.X)
    return Rounds(
        model,
        state,
        int(check_random_state(campaign.random_state).randint(np.iinfo(np.int32).max)),
        strategy=strategy,
        initial_strategy=first,
        update=update,
        replay=replay,
        pseudo_labels=guesses,
        criteria=criteria,
        n_instances=max(1, amount(campaign.n_instances, n_samples)),
        budget=amount(campaign.budget, n_samples),
        max_rounds=campaign.max_rounds,
        weight_names=_weight_names(campaign, model, state.weights),
        simulated=simulated,
        store=campaign.store_rounds,
    )


def check_classifier(estimator, n_classes):
    """Check before training that a classifier can learn the classes of the task."""
    model = Chain(estimator).model
    tags, name = safe_tags(model), type(model).__name__
    kind = "regressor" if isinstance(model, RegressorMixin) else tags.estimator_type
    if kind not in (None, "classifier"):
        raise TypeError(
            f"estimator must be a classifier, but {name} is a {kind}. skal learns classes: "
            "for numbers, cut their range into classes first"
        )
    # Methods behind available_if, as StackingClassifier's, appear on the instance in fit.
    if not hasattr(model, "predict") and not hasattr(type(model), "predict"):
        raise TypeError(f"estimator must have the methods fit and predict; {name} has no predict")
    if isinstance(model, ClassifierChain) or not tags.target_tags.single_output:
        raise TypeError(
            f"{name} is a multilabel classifier, but a campaign asks for one label per row. Use "
            "a single-label classifier"
        )
    if n_classes > 2 and not tags.classifier_tags.multi_class:
        raise TypeError(
            f"{name} is a binary classifier, but there are {n_classes} classes. Use a "
            f"multiclass classifier, or OneVsRestClassifier({name}(...))"
        )


def _weight_names(campaign, model, weights):
    """Return the keyword arguments of the classifier's ``fit`` that take weights."""
    if weights is not None and _routing_enabled():
        return tuple(process_routing(campaign, "fit", sample_weight=weights).estimator.fit)
    guesses = campaign.pseudo_labels
    weighted = weights is not None or (guesses is not None and guesses.weight != 1)
    return weight_names(model) if weighted else ()


def _copy(strategy, default):
    return clone(as_strategy(default if strategy is None else strategy), safe=False)
