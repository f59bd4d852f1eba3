"""What the guide and the README claim, where no example shows it."""

import inspect
import re
from pathlib import Path

import pytest

from skal import strategies
from tests.test_api import _make

ROOT = Path(__file__).parents[1]


def test_the_guide_lists_the_strategies_that_work_without_a_model():
    page = (ROOT / "docs" / "guide" / "strategies.rst").read_text()
    listed = re.search(r"asks for embeddings at most:(.*?)\. So does", page, re.DOTALL)[1]
    classes = [getattr(strategies, name) for name in strategies.__all__]
    single = [
        cls
        for cls in classes
        if inspect.isclass(cls)
        and issubclass(cls, strategies.QueryStrategy)
        and not inspect.isabstract(cls)
        and not {"strategy", "strategies", "stages", "then", "function"}
        & set(inspect.signature(cls).parameters)
    ]
    able = {cls.__name__ for cls in single if _make(cls).required() <= {"embed"}}
    assert set(re.findall(r"skal\.strategies\.(\w+)", listed)) == able


def _keys():
    from skal.experiment.params.parameters import Params

    return set(Params.model_fields) | {"strategies", "resume"}


@pytest.mark.parametrize("page", ["README.md", "docs/guide/experiments.rst"])
def test_options_of_experiments_are_keys(page):
    lines = (ROOT / page).read_text().replace("\\\n", " ").splitlines()
    commands = [line for line in lines if re.match(r" *skal (run|compare|features)\b", line)]
    assert commands
    options = [name for line in commands for name in re.findall(r" --([\w-]+)", line)]
    assert set(options) <= _keys()
