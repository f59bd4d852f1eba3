"""The package as others get it: light to import, and whole when it is installed from a wheel."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.public import public_modules

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "scikeras", "librosa", "matplotlib", "pydantic", "typer")


def _python(code, cwd, **environment):
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_import_skal_is_light(tmp_path):
    code = f"import sys, skal\nprint(*set({HEAVY}) & set(sys.modules), 'done')"
    assert _python(code, tmp_path) == ["done"]


def test_rooms_do_not_load_what_they_may_not_need(tmp_path):
    lines = ["import importlib, sys"]
    lines += [f"importlib.import_module({name!r})" for name in public_modules()]
    heavy = {"tensorflow", "keras", "scikeras", "librosa", "matplotlib"}
    lines.append(f"print(*{heavy} & set(sys.modules), 'done')")
    assert _python("\n".join(lines), tmp_path) == ["done"]


def test_a_name_loads_its_room_alone(tmp_path):
    code = "import sys, skal\nskal.metrics.budget_curve\nprint('skal.audio' in sys.modules)"
    assert _python(code, tmp_path) == ["False"]


def test_version_is_that_of_the_metadata():
    import skal

    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert skal.__version__ == metadata["project"]["version"]


TYPED = """
import numpy as np
from sklearn.linear_model import LogisticRegression

import skal
from skal import ActiveLearningClassifier
from skal.strategies import MarginSampling

campaign = ActiveLearningClassifier(LogisticRegression(), MarginSampling(), n_initial=4)
campaign.fit(np.zeros((20, 2)), [0, 1] * 10)
reveal_type(campaign)
reveal_type(skal.metrics)
ActiveLearningClassifier(LogisticRegression(), budgets=3)
"""


def test_type_checkers_know_what_the_front_door_hands_out(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(TYPED)
    command = [sys.executable, "-m", "mypy", "--ignore-missing-imports", script.name]
    done = subprocess.run(
        [*command, "--follow-imports=silent", "--cache-dir", str(tmp_path / "cache")],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert 'is "skal.campaign.classifier.ActiveLearningClassifier"' in done.stdout, done.stdout
    assert 'Unexpected keyword argument "budgets"' in done.stdout
    assert "Found 1 error" in done.stdout


def test_the_stub_names_what_the_front_door_hands_out():
    import skal

    stub = (ROOT / "skal" / "__init__.pyi").read_text()
    assert set(re.findall(r"as (\w+)$", stub, re.M)) | {"__version__"} == set(skal.__all__)


def test_the_readme_and_the_landing_page_show_the_same_example():
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"```python\n(.*?)```", readme, re.DOTALL) == [
        (ROOT / "docs" / "example.py").read_text()
    ]


@pytest.mark.slow
def test_the_example_and_the_session_of_the_readme_run(tmp_path):
    code = (ROOT / "docs" / "example.py").read_text()
    session = re.search(
        r"```python-session\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    steps = doctest.DocTestParser().get_examples(session[1])
    printed = _python(code + "".join(step.source for step in steps), tmp_path)
    assert printed[:2] == ["20", "labels:"]
    shown = steps[-1].want.split()
    assert printed[-len(shown) :] == shown == ["50", "labels"]
    *_, labels, _, _, accuracy = printed[: -len(shown)]
    assert labels == "80"
    assert float(accuracy) > 0.85


def _bounds(lines):
    """Return the version that each requirement names, without its extras."""
    found = (re.match(r"([\w.-]+)(?:\[\w+\])?[>=]=([\w.]+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def test_the_oldest_versions_are_the_lower_bounds():
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = metadata["optional-dependencies"]
    used = [*metadata["dependencies"]]
    for name in set(extras) - {"test", "docs"}:
        used += extras[name]
    allowed = _bounds(used)
    tested = _bounds((ROOT / ".ci" / "oldest.txt").read_text().splitlines())
    assert set(tested) == set(allowed)
    for name, version in allowed.items():
        assert re.fullmatch(rf"{re.escape(version)}(\.0)*", tested[name]), name


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^make \w+", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["make demo", "make test"]
    assert "make test" in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return a folder into which a wheel of the package has been installed."""
    pytest.importorskip("setuptools", minversion="77")
    work = tmp_path_factory.mktemp("wheel")
    source = work / "source"
    # A copy, so that building leaves nothing in the checkout, nor finds what is left there.
    shutil.copytree(ROOT / "skal", source / "skal", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    wheels = work / "wheels"
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(wheels), str(source)]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = wheels.glob("skal_audio-*.whl")
    target = work / "installed"
    install = [*pip, "install", *offline, "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    return target


def _files(folder):
    """Return the files of a package, relative to its folder."""
    kept = {".py", ".json", ".html", ".css", ".js"}
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in kept}


@pytest.mark.slow
def test_a_wheel_has_every_file(installed):
    assert _files(installed / "skal") == _files(ROOT / "skal")


@pytest.mark.slow
def test_a_wheel_runs_outside_the_checkout(installed, tmp_path):
    code = """
import skal, skal.datasets
from sklearn.linear_model import LogisticRegression
print(skal.__file__)
sounds = skal.datasets.make_sounds(40, 2, random_state=0)
X = skal.audio.MFCC(sr=sounds.sr, flatten=True).transform(sounds.data)
model = LogisticRegression(max_iter=1000)
campaign = skal.ActiveLearningClassifier(model, n_initial=10, budget=30).fit(X, sounds.target)
print(len(campaign.labeled_indices_))
"""
    place, n_labeled = _python(code, tmp_path, PYTHONPATH=str(installed))
    assert Path(place).parent == installed / "skal"
    assert n_labeled == "30"


@pytest.mark.slow
def test_presets_of_a_wheel_are_found(installed, tmp_path):
    code = """
from importlib.resources import files
presets = files("skal.experiment.params") / "preset_files"
names = [p.name for folder in (presets, presets / "alframework") for p in folder.iterdir()]
print(*sorted(name for name in names if name.endswith(".json")))
"""
    found = _python(code, tmp_path, PYTHONPATH=str(installed))
    assert found
    assert found == sorted(
        p.name for p in (ROOT / "skal/experiment/params/preset_files").rglob("*.json")
    )


@pytest.mark.slow
def test_the_command_of_a_wheel_starts(installed, tmp_path):
    code = "import sys; sys.argv = ['skal', '--help']; from skal.cli import main; main()"
    assert "run" in _python(code, tmp_path, PYTHONPATH=str(installed))
    assert (installed / "bin" / "skal").exists()
