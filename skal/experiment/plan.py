"""From parameters to objects: transformer, model, strategy and campaign."""

from dataclasses import dataclass

from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal.campaign import ActiveLearningClassifier
from skal.campaign.training import weight_names
from skal.campaign.update import as_update
from skal.experiment.messages import ParameterError
from skal.experiment.registry import build, find_component, short_name
from skal.learner import UnsupportedStrategyError, check_supported
from skal.metrics import evaluate
from skal.models import CNNClassifier, TensorFlowClassifier
from skal.models.pretrained import find_classifier

__all__ = ["Parts", "build_parts", "make_campaign", "score_full_data", "single_runs"]


@dataclass
class Parts:
    """The objects that parameters name.

    Attributes
    ----------
    transformer : transformer
        From clips to features.
    model : classifier
        From features to classes.
    strategy : QueryStrategy
        Chooses.
    options : dict
        The other objects that a campaign is made with: ``initial_strategy``, ``update``,
        ``replay``, ``pseudo_labels``, ``stopping``.
    """

    transformer: object
    model: object
    strategy: object
    options: dict

    @property
    def strategy_name(self):
        """Return the name of the strategy in folders and lines."""
        return short_name(type(self.strategy))


def single_runs(params):
    """Split an experiment into its runs: one for each seed and threshold of replay.

    Parameters
    ----------
    params : Params
        Complete parameters.

    Returns
    -------
    list of Params
        Each with one seed, and one threshold where there is any.
    """
    replays = [params.replay]
    if params.replay is not None and isinstance(params.replay.params.get("threshold"), list):
        thresholds = params.replay.params["threshold"]
        if not thresholds:
            raise ParameterError("replay.threshold", "the list is empty")
        replays = [params.replay.model_copy(update={"threshold": value}) for value in thresholds]
    return [
        params.with_values(replay=replay, random_seed=params.random_seed + i, n_seeds=1)
        for replay in replays
        for i in range(params.n_seeds)
    ]


def build_parts(params):
    """Build the objects that parameters name, before any data are read.

    Parameters
    ----------
    params : Params
        Complete parameters.

    Returns
    -------
    Parts

    Raises
    ------
    ParameterError
        If a name or value is wrong, or two do not go together.
    """
    params = single_runs(params)[0]
    model = build("model", _model_name(params), params.model.params, "model")
    # Scikit-learn's own classifiers take rows of numbers, and want them scaled.
    flat = not hasattr(model, "embed")
    features = {"on_error": "warn", "n_jobs": params.n_jobs} | ({"flatten": True} if flat else {})
    parts = Parts(
        transformer=build("features", params.features.name, features | params.features.params),
        model=make_pipeline(StandardScaler(), model) if flat else model,
        strategy=build("strategy", params.strategy.name, params.strategy.params),
        options=_options(params),
    )
    _check_together(parts)
    return parts


def _model_name(params):
    """Return the name of the classifier with the engine that is asked for."""
    if params.engine == "keras":
        return params.model.name
    if find_component("model", params.model.name) not in (CNNClassifier, TensorFlowClassifier):
        raise ParameterError(
            "engine", f"{params.engine} trains the cnn, not {params.model.name}; leave it out"
        )
    return params.engine


def _options(params):
    options = {
        "initial_strategy": _optional(params.initial_strategy, "strategy", "initial_strategy"),
        "update": _optional(params.update, "update") or "retrain",
        "replay": _optional(params.replay, "replay"),
        "pseudo_labels": _optional(params.pseudo_labels, "pseudo_labels", default="pseudo_labels"),
        "stopping": None,
    }
    if params.stopping:
        options["stopping"] = [_optional(criterion, "stopping") for criterion in params.stopping]
    return options


def _optional(component, kind, key=None, default=None):
    if component is None:
        return None
    name = component.name or default
    if name is None:
        raise ParameterError(key or kind, 'the "name" is missing')
    return build(kind, name, component.params, key)


def _check_together(parts):
    """Refuse what the model cannot do, before any work is done."""
    pretrained = parts.model.get_params(deep=False).get("pretrained")
    if pretrained is not None:
        try:
            find_classifier(pretrained)
        except ValueError as error:
            raise ParameterError("model", error) from error
    try:
        as_update(parts.options["update"]).check(parts.model)
    except TypeError as error:
        raise ParameterError("update", error) from error
    try:
        check_supported(parts.model, parts.strategy.required(), parts.strategy)
    except UnsupportedStrategyError as error:
        raise ParameterError("strategy", error) from error
    pseudo_labels = parts.options["pseudo_labels"]
    if pseudo_labels is not None and pseudo_labels.weight != 1:
        try:
            weight_names(parts.model)
        except ValueError as error:
            raise ParameterError("pseudo_labels.weight", error) from error


def make_campaign(params, parts, classes, checkpoint=None):
    """Make the campaign of a run.

    Parameters
    ----------
    params : Params
        Complete parameters, of one run.
    parts : Parts
        What they name.
    classes : ndarray of shape (n_classes,)
        All classes.
    checkpoint : path-like, default=None
        Where it is saved after every round.

    Returns
    -------
    ActiveLearningClassifier
        Not fitted.
    """
    return ActiveLearningClassifier(
        parts.model,
        parts.strategy,
        **parts.options,
        n_initial=params.n_initial,
        n_instances=params.n_instances,
        budget=params.budget,
        max_rounds=params.max_rounds,
        classes=classes,
        unlabeled=None,
        checkpoint=checkpoint,
        random_state=params.random_seed,
    )


def score_full_data(model, train, test, seed):
    """Score a model trained on all labels: what there is to be gained.

    Parameters
    ----------
    model : classifier
        Not changed.
    train, test : tuple (X, y)
        Rows and labels.
    seed : int
        Seeds the training.

    Returns
    -------
    dict
        The metrics of `skal.metrics.evaluate`.
    """
    model = clone(model)
    names = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(names, seed)).fit(*train)
    return evaluate(test[1], model.predict(test[0]))
