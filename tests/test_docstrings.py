"""Docstrings at run time: complete, true to the signatures, and their examples run.

The linter reads each docstring alone. Here an override may leave its parameters to the method
that it overrides, or to one that it links ("see `Other.method`"), and everything is compared
with the signature that Python sees.
"""

import doctest
import inspect
import re
import sys
import tomllib
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from tests.public import load, public_classes, public_methods, public_names

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The parameter checks are made below, where inherited text is seen.
IGNORED = set(CONFIG["tool"]["numpydoc_validation"]["checks"]) | {"PR01", "PR02", "PR03"}

CALLABLES = [name for name in public_names() if callable(load(name))]
METHODS = [
    f"{name}.{method}" for name in public_classes() for method in public_methods(load(name))
]
# Why a public name has no example that runs, or one with lines that do not.
WITHOUT_EXAMPLE = {
    "skal.experiment.Comparison": "skal.experiment.compare makes it, and shows it",
    "skal.label.serve": "it runs until it is stopped",
    "skal.learner.UnsupportedStrategyError": "skal.learner.check_supported shows it",
}
WITH_SKIPPED_LINES = {
    "skal.audio.PretrainedEmbedding": "needs weights that only their owners may give away",
    "skal.campaign.ActiveLearningClassifier": "needs the recordings of FSDD",
}
PAGES = sorted([*ROOT.glob("docs/*.rst"), *ROOT.glob("docs/guide/*.rst")])


def _parts(full_name):
    """Return the class, or None, and the object of a full name."""
    parent, _, name = full_name.rpartition(".")
    if parent[0:5] == "skal." and parent.split(".")[-1][0].isupper():
        cls = load(parent)
        return cls, inspect.getattr_static(cls, name)
    return None, load(full_name)


def _function(member):
    """Return the plain function behind a method of any kind."""
    member = getattr(member, "fn", member)  # available_if
    return member and inspect.unwrap(getattr(member, "__func__", member))


def _documented(docstring):
    """Return the names under Parameters, without the stars, in order; None without a section."""
    parsed = NumpyDocString(inspect.cleandoc(docstring or ""))
    sections = [*parsed["Parameters"], *parsed["Other Parameters"]]
    if not sections:
        return None
    return [name.strip().lstrip("*") for entry in sections for name in entry.name.split(",")]


def _of_method(cls, name):
    """Return the parameters that a method documents, itself, by a link or by inheritance."""
    for base in cls.__mro__:
        function = _function(vars(base).get(name))
        names = function and (_documented(function.__doc__) or _linked(function))
        if names:
            return names
    return []


def _passes_on(function, documented):
    """Tell whether an override names some parameters and takes the others as ``**context``."""
    parameters = inspect.signature(function).parameters.values()
    named = {p.name for p in parameters if p.kind != p.VAR_KEYWORD} - {"self", "cls"}
    inherited = _documented(function.__doc__) is None
    return inherited and len(named) < len(_taken(function)) and named <= set(documented)


def _linked(function):
    """Return the parameters documented where a docstring says "see `Class.method`"."""
    link = re.search(r"see `(\w+)\.(\w+)`", function.__doc__ or "")
    target = link and vars(sys.modules[function.__module__]).get(link[1])
    return _documented(getattr(target, link[2]).__doc__) if target else None


def _fields(member):
    """Return the documented attributes of a result, a named tuple or dataclass."""
    if not hasattr(member, "_fields") and not is_dataclass(member):
        return []
    entries = NumpyDocString(inspect.getdoc(member))["Attributes"]
    return [name.strip() for entry in entries for name in entry.name.split(",")]


def _of_base(member):
    """Return the parameters that a class documents whose constructor a subclass inherits."""
    if not inspect.isclass(member) or "__init__" in vars(member) or len(member.__mro__) < 2:
        return []
    base = member.__mro__[1]
    return _documented(base.__doc__) or _of_base(base)


def _taken(member):
    """Return the names of the parameters that a function or a constructor takes."""
    if inspect.isclass(member) and issubclass(member, Exception):
        member = member.__init__
        if not inspect.isfunction(member):
            return []  # Python's own constructor
    names = list(inspect.signature(member).parameters)
    if inspect.isclass(member) and names == ["args", "kwargs"]:
        return []  # a base without a constructor of its own
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _mismatch(full_name):
    """Return what is documented and what is taken, where they differ, or None."""
    cls, member = _parts(full_name)
    if cls is not None:
        documented, member = _of_method(cls, full_name.rpartition(".")[2]), _function(member)
        if _passes_on(member, documented):
            return None
    elif hasattr(member, "model_fields"):  # pydantic: every field carries its description
        fields = member.model_fields.items()
        documented = [name for name, field in fields if field.description]
    else:
        documented = _documented(member.__doc__) or _fields(member) or _of_base(member)
    taken = _taken(member)
    return None if documented == taken else (documented, taken)


def _errors(full_name):
    """Return the complaints of numpydoc about one docstring."""
    return [error for error in validate(full_name)["errors"] if error[0] not in IGNORED]


@pytest.mark.parametrize("full_name", CALLABLES + METHODS)
def test_parameters_are_those_of_the_signature(full_name):
    assert _mismatch(full_name) is None


@pytest.mark.parametrize("full_name", CALLABLES + METHODS)
def test_docstring_is_valid(full_name):
    assert _errors(full_name) == []


def _examples(full_name):
    value = load(full_name)
    finder = doctest.DocTestFinder(recurse=False, exclude_empty=True)
    module = sys.modules[value.__module__]
    return finder.find(value, name=full_name, module=module, globs={})


def _failures(example):
    lines = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(example, out=lines.append)
    return "".join(lines) if runner.failures else ""


def _line_counts(full_name):
    """Return how many lines of a docstring's examples run, and how many are skipped."""
    lines = [line for example in _examples(full_name) for line in example.examples]
    skipped = sum(bool(line.options.get(doctest.SKIP)) for line in lines)
    return len(lines) - skipped, skipped


@pytest.mark.parametrize("full_name", CALLABLES)
def test_has_an_example_that_runs(full_name):
    n_run, n_skipped = _line_counts(full_name)
    assert (n_run == 0) == (full_name in WITHOUT_EXAMPLE)
    assert (n_skipped > 0) == (full_name in WITH_SKIPPED_LINES)


@pytest.fixture
def no_figures_left():
    """Close the figures that an example opens."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def _is_slow(full_name):
    # TensorFlow takes seconds to load, and networks take seconds to train; so do comparisons.
    return full_name.startswith("skal.models.") or full_name == "skal.experiment.compare"


@pytest.mark.usefixtures("no_figures_left")
@pytest.mark.parametrize(
    "full_name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if _is_slow(name) else [])
        for name in CALLABLES
        if name not in WITHOUT_EXAMPLE
    ],
)
def test_examples_run(full_name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in _examples(full_name):
        assert _failures(example) == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_the_guide_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, str(page), 0)
    assert _failures(example) == ""


def wrong_names(first, second):
    """Add two numbers.

    Parameters
    ----------
    first : int
        One.
    third : int
        Another.
    """


def test_a_wrong_docstring_is_found(monkeypatch):
    monkeypatch.setattr("skal.metrics.wrong_names", wrong_names, raising=False)
    assert _mismatch("skal.metrics.wrong_names") == (["first", "third"], ["first", "second"])
    wrong_names.__doc__ = "adds two numbers"
    codes = {code for code, _ in _errors("skal.metrics.wrong_names")}
    assert {"SS02", "SS03"} <= codes


def test_a_wrong_example_is_found():
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert "Expected" in _failures(example)
