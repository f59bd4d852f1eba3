"""The public API: listed, in the reference, and made of objects that scikit-learn handles."""

import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skal
from skal.strategies import EntropySampling, MarginSampling
from tests.public import (
    front_door,
    load,
    parameter_objects,
    public_classes,
    public_modules,
    public_names,
)

DOCS = Path(__file__).parents[1] / "docs"

# What constructor parameters without a default are given here.
REQUIRED = {
    "estimator": LogisticRegression(),
    "strategy": MarginSampling(),
    "strategies": [MarginSampling(), MarginSampling()],
    "function": max,
    "target": 0.9,
    "score": EntropySampling(),
    "then": MarginSampling(),
    "stages": [(100, EntropySampling()), (None, MarginSampling())],
    "transformer": StandardScaler(),
    "examples": [[1.0, 2.0]],
    "label": "frog",
    "model": "birdnet",
}

each_module = pytest.mark.parametrize("module", public_modules())
each_object = pytest.mark.parametrize("full_name", parameter_objects())


@pytest.fixture(scope="module")
def reference():
    """Return the script that writes the API reference."""
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "reference_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _parameters(cls):
    """Return the parameters of a constructor."""
    if cls.__init__ is object.__init__:
        return {}
    parameters = dict(inspect.signature(cls.__init__).parameters)
    parameters.pop("self")
    return parameters


def _make(cls, **given):
    required = [n for n, p in _parameters(cls).items() if p.default is p.empty]
    unknown = set(required) - set(REQUIRED)
    assert not unknown, f"say in REQUIRED what {cls.__name__} is to be given as {unknown}"
    required = {name: REQUIRED[name] for name in required}
    return cls(**{**required, **given})


def _order(name):
    """Sort as ruff's RUF022 does: constants, then classes, then the rest."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


@each_module
def test_all_is_sorted_and_importable(module):
    names = importlib.import_module(module).__all__
    assert len(set(names)) == len(names)
    assert list(names) == sorted(names, key=_order)
    for name in names:
        assert load(f"{module}.{name}") is not None


@each_module
def test_dir_shows_what_a_module_gives(module):
    module = importlib.import_module(module)
    assert set(module.__all__) <= set(dir(module))


def test_the_front_door_opens():
    rooms = {name.removeprefix("skal.") for name in front_door()}
    assert rooms | {"ActiveLearningClassifier", "__version__"} == set(skal.__all__)
    for name in skal.__all__:
        assert getattr(skal, name) is not None
    assert set(skal.__all__) == set(dir(skal))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = skal.nonsense


@each_module
def test_every_name_is_in_the_reference(module, reference):
    page = reference.render(module)
    entries = reference.entries(page)
    assert sorted(entries) == sorted(importlib.import_module(module).__all__)


def test_every_module_is_in_the_reference(reference):
    assert reference.public_modules() == public_modules()
    toctree = (DOCS / "reference" / "index.rst").read_text()
    missing = [name for name in public_modules() if f"generated/{name}\n" not in toctree]
    assert missing == [], "list them in docs/reference/index.rst"


def test_public_names_are_found():
    assert "skal.strategies.MarginSampling" in parameter_objects()
    assert "skal.strategies.QueryStrategy" not in parameter_objects()
    assert "skal.metrics.classification_scores" in public_names()
    assert set(parameter_objects()) < set(public_classes()) < set(public_names())


@each_object
def test_constructors_only_store(full_name):
    cls = load(full_name)
    # Objects that no constructor could do any work with.
    given = {name: object() for name in _parameters(cls)}
    made = cls(**given)
    assert {name: id(value) for name, value in vars(made).items()} == {
        name: id(value) for name, value in given.items()
    }


@each_object
def test_parameters_are_named_and_defaults_immutable(full_name):
    for name, parameter in _parameters(load(full_name)).items():
        assert parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD), name
        if parameter.default is not parameter.empty:
            hash(parameter.default)  # a mutable default would be shared by all instances


@each_object
def test_constraints_cover_the_parameters(full_name):
    cls = load(full_name)
    constraints = getattr(cls, "_parameter_constraints", {})
    if constraints:
        assert set(constraints) == set(_parameters(cls))


@each_object
def test_clone_and_parameters(full_name):
    cls = load(full_name)
    made = _make(cls)
    copy = clone(made)
    assert type(copy) is cls
    assert set(made.get_params(deep=False)) == set(_parameters(cls))
    assert repr(copy) == repr(made)
    for name, value in made.get_params(deep=False).items():
        if isinstance(value, (int, float, str, type(None))):
            assert getattr(copy, name) == value
    assert copy.set_params(**made.get_params(deep=False)) is copy
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(no_such_parameter=1)


@each_object
def test_repr_shows_what_differs_from_the_default(full_name):
    cls = load(full_name)
    assert repr(_make(cls)).startswith(f"{cls.__name__}(")
    optional = [n for n, p in _parameters(cls).items() if p.default is not p.empty]
    for name in optional[:1]:
        assert f"{name}='changed'" in repr(_make(cls, **{name: "changed"}))


@each_object
def test_mixins_stand_left_of_base_estimator(full_name):
    # scikit-learn loses the tags of a mixin that stands on the right.
    mro = load(full_name).__mro__
    own = [cls for cls in mro if cls.__name__.endswith("Mixin")]
    misplaced = [cls for cls in own if mro.index(cls) > mro.index(BaseEstimator)]
    assert all(issubclass(BaseEstimator, cls) for cls in misplaced)


def test_class_pages_document_what_is_skals_own(reference):
    pages = reference.members_of_classes()
    assert set(pages) == set(public_classes())
    own, inherited = pages["skal.campaign.ActiveLearningClassifier"]
    assert {"fit", "query", "teach", "predict", "staged_predict"} <= set(own)
    assert inherited == []
    own, inherited = pages["skal.strategies.MarginSampling"]
    assert own == ["score"]
    assert {"QueryStrategy.query", "ScoreStrategy.select"} <= set(inherited)
    documented = {name for own, _ in pages.values() for name in own}
    # From scikit-learn's metadata routing, from functools.partial, and from tuples.
    noise = {"get_metadata_routing", "set_score_request", "set_fit_request", "func", "count"}
    assert not documented & noise
