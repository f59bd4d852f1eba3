"""``skal label`` and ``skal predict``: what they take, what they write, how they fail."""

import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import joblib
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from skal.audio import LogMelSpectrogram
from skal.cli import main
from skal.cli.app import app
from skal.datasets import make_sounds
from skal.datasets.synthetic import write_sounds
from skal.label import LabelingProject
from skal.recognizer import Recognizer
from tests.label.recordings import train

FEATURES = {"sr": 8000, "n_fft": 256, "hop_length": 256, "n_mels": 12, "duration": 0.3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with 12 unlabeled recordings, their labels, and a model of these."""
    folder = tmp_path_factory.mktemp("made")
    write_sounds(make_sounds(12, 2, duration=0.3, random_state=0), folder / "by_class")
    (folder / "recordings").mkdir()
    labels = {}
    for path in sorted((folder / "by_class").rglob("*.wav")):
        labels[path.name] = path.parent.name
        shutil.copy(path, folder / "recordings")
    features = LogMelSpectrogram(**FEATURES, flatten=True, normalize="clip")
    model = make_pipeline(features, LogisticRegression(max_iter=1000))
    model.fit([str(folder / "recordings" / name) for name in labels], list(labels.values()))
    joblib.dump(model, folder / "model.joblib")
    return folder, labels


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    shutil.copytree(made[0] / "recordings", tmp_path / "rec")
    shutil.copy(made[0] / "model.joblib", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys, *argv):
    """Run the command line in this process; return exit code, standard output and error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in argv])
    said = capsys.readouterr()
    return caught.value.code or 0, said.out, said.err


def start(*argv, cwd, **pipes):
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "skal", *map(str, argv)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        **pipes,
    )


def test_labels_come_in_and_go_out(place, made, capsys):
    with open("labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *made[1].items()])
    classes = ",".join(sorted(set(made[1].values())))
    words = ["label", "rec", "--classes", classes, "--import", "labels.csv", "--export", "csv"]
    code, out, err = call(capsys, *words)
    assert code == 0
    assert "12 of 12 labels of labels.csv imported" in err
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert {row["path"]: row["label"] for row in rows} == made[1]
    code, out, err = call(capsys, "label", "rec", "--export", "labelstudio")
    assert code == 0
    assert err == ""
    assert [task["data"]["audio"] for task in json.loads(out)] == sorted(made[1])
    code, out, _ = call(capsys, "label", "rec", "--export", "raven", "--output", "out.txt")
    assert (code, out) == (0, "")
    assert len((place / "out.txt").read_text().splitlines()) == 13
    code, _, _ = call(capsys, "label", "rec", "--export", "audacity", "--output", "tracks")
    assert code == 0
    assert len(list((place / "tracks").iterdir())) == 12
    code, out, _ = call(capsys, "label", "rec", "--export", "jsonl")
    assert len(out.splitlines()) == 12
    code, _, err = call(capsys, "label", "rec", "--import", "labels.csv", "--export", "csv")
    assert "0 of 12 labels" in err


def test_what_an_import_does_not_take_is_said(place, capsys):
    (place / "labels.csv").write_text("path,label\n000000.wav,a\nnowhere.wav,b\n")
    words = ["label", "rec", "--classes", "a,b", "--import", "labels.csv", "--export", "csv"]
    code, out, err = call(capsys, *words)
    assert code == 0
    assert "labels.csv, row 3: nowhere.wav: no recording of this project has this name" in err
    (place / "labels.csv").write_text("path,label\n000000.wav,b\n")
    code, out, err = call(capsys, *words)
    assert "row 2: 000000.wav: it has the label 'a', not 'b'; it was kept" in err
    assert out.count("000000.wav") == 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["label", "nowhere"], "there is no folder "),
        (["label", "empty", "--classes", "a"], "no recordings in "),
        (["label", "model.joblib"], "is a file"),
        (["label", "rec", "--import", "nowhere.csv"], "nowhere.csv: No such file"),
        (["label", "rec", "--classes", "dog", "--import", "dogs.csv"], "unknown class 'dig'; did"),
        (["label", "rec", "--import", "bad.csv"], "bad.csv: row 1, label: no such column"),
        (["label", "rec", "--export", "ravens"], "no format 'ravens'; did you mean 'raven'?"),
        (["label", "rec", "--export", "audacity"], "use --output FOLDER"),
        (["label", "rec", "--export", "csv"], "rec/.skal': there is nothing to export"),
        (["label", "rec", "--output", "x.csv"], "--output needs --export"),
        (
            ["label", "rec", "--classes", "a", "--export", "csv", "--output", "no/x.csv"],
            "no/x.csv: No such file",
        ),
        (["label", "rec", "--strategy", "margn"], "did you mean 'margin'?"),
        (["label", "rec", "--audit-share", "7"], "audit_share must be a share from 0 to 1"),
        (["label", "rec", "--hop", "1"], "hop"),
        (["label", "rec", "--classes", "a\x1b"], "unprintable characters"),
        (["predict", "nowhere.joblib", "rec"], "nowhere.joblib: cannot be read: No such file"),
        (["predict", "rec", "rec"], "rec: this folder has no model; name"),
        (["predict", "rec/000000.wav", "rec"], "000000.wav: not a model file"),
        (["predict", "dict.joblib", "rec"], "a dict, not a fitted classifier"),
        (["predict", "cut.joblib", "rec"], "cut.joblib: broken, or made with other versions"),
        (["predict", "rows.joblib", "rec"], "does not take these recordings"),
        (["predict", "model.joblib", "nowhere"], "there is no folder 'nowhere'"),
        (["predict", "model.joblib", "empty"], "no recordings in 'empty'"),
        (["predict", "model.joblib", "rec", "--hop", "1"], "--hop needs --window"),
        (["predict", "model.joblib", "rec", "--window", "-1"], "positive"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(place, capsys, argv, message):
    (place / "empty").mkdir()
    (place / "dogs.csv").write_text("path,label\n000000.wav,dig\n")
    (place / "bad.csv").write_text("path,lable\nx.wav,dog\n")
    joblib.dump({"a": 1}, "dict.joblib")
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), "rows.joblib")
    (place / "cut.joblib").write_bytes((place / "model.joblib").read_bytes()[:500])
    code, _, err = call(capsys, *argv)
    assert code == 2
    lines = [line for line in err.splitlines() if "contains a Python pickle" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("skal: ")
    assert message in lines[0]
    assert "nowhere.joblib" not in argv or err.splitlines() == lines


def test_a_port_in_use_is_one_line(place, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = call(capsys, "label", "rec", "--classes", "a", "--port", port)
    assert code == 2
    assert f":{port} " in err.splitlines()[-1]
    assert all(line.startswith("skal: ") for line in err.splitlines())


def test_what_is_not_probable_enough_is_none_of_these(place, made, capsys):
    code, out, err = call(capsys, "predict", "model.joblib", "rec", "--threshold", "1")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert code == 0
    for row in rows:
        assert (row["label"] == "none of these") == (float(row["probability"]) < 1)
    kept, dropped = sorted(set(made[1].values()))[:2]
    (place / "least.csv").write_text(f"label;threshold\n{dropped};1,0\n{kept};0\n")
    _, out, _ = call(capsys, "predict", "model.joblib", "rec", "--threshold", "least.csv")
    some = [row["label"] for row in csv.DictReader(io.StringIO(out, newline=""))]
    assert kept in some
    assert dropped not in some
    (place / "least.csv").write_text("nobody,1\n")
    for wrong in ("2", "x", "least.csv"):
        code, _, err = call(capsys, "predict", "model.joblib", "rec", "--threshold", wrong)
        assert code == 2
        assert err.splitlines()[-1].startswith("skal: ")


def test_predictions_are_a_table(place, made, capsys):
    (place / "rec" / "zz.wav").write_bytes(b"no sound")
    code, out, err = call(capsys, "predict", "model.joblib", "rec")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert {row["path"]: row["label"] for row in rows} == made[1] | {"zz.wav": ""}
    assert "not a sound file" in rows[-1]["problem"]
    for row in rows[:-1]:
        each = [float(row[name]) for name in set(made[1].values())]
        assert sum(each) == pytest.approx(1, abs=1e-5)
        assert float(row["probability"]) == max(each)
    lines = err.splitlines()
    assert "model.joblib contains a Python pickle" in lines[0]
    assert lines[1].startswith("skal: set aside 'zz.wav': not a sound file")
    assert lines[2] == "skal: 13 clips, 1 of them unreadable"
    assert call(capsys, "predict", "model.joblib", "rec", "--output", "p.csv")[:2] == (0, "")
    assert (place / "p.csv").read_text().splitlines() == out.splitlines()


class MakesFile:
    """Tells that it was unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    ("argv", "is_opened"),
    [
        (["trap.joblib", "nowhere", "--output", "p.csv"], False),
        (["trap.joblib", "rec", "--output", "no/p.csv"], False),
        (["trap.joblib", "rec", "--output", "rec"], False),
        (["trap.joblib", "rec", "--output", "p.csv", "--hop", "1"], False),
        (["trap.joblib", "rec", "--output", "p.csv"], True),
        (["model.joblib", "empty", "--output", "p.csv"], False),
        (["rows.joblib", "rec", "--output", "p.csv"], False),
        (["rows.joblib", "rec"], False),
    ],
)
def test_nothing_is_opened_or_written_before_the_checks(place, capsys, argv, is_opened):
    (place / "empty").mkdir()
    (place / "p.csv").write_text("of yesterday")
    joblib.dump(MakesFile(), "trap.joblib")
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), "rows.joblib")
    there = {path.name for path in place.iterdir()}
    code, out, _ = call(capsys, "predict", *argv)
    assert (code, out) == (2, "")
    assert (place / "p.csv").read_text() == "of yesterday"
    assert {path.name for path in place.iterdir()} - there == (
        {"unpickled"} if is_opened else set()
    )


def test_windows_of_another_length_than_the_model_learned_are_warned_of(place, capsys):
    model = joblib.load("model.joblib")
    Recognizer(model, window=0.25).save("windows.skal")
    joblib.dump(model.set_params(logmelspectrogram__duration=None), "any.joblib")
    warning = "skal: warning: the model was trained on windows of {} s, but --window is {} s"
    for file, trained in [("model.joblib", "0.3"), ("windows.skal", "0.25")]:
        code, out, err = call(capsys, "predict", file, "rec", "--window", "0.2")
        assert code == 0
        assert len(out.splitlines()) == 1 + 24  # 0.3 s have two windows
        (line,) = (line for line in err.splitlines() if "warning" in line)
        assert line.startswith(warning.format(trained, "0.2"))
        for words in ([], ["--window", trained]):
            assert "warning" not in call(capsys, "predict", file, "rec", *words)[2]
    # Whatever it learned from, it is not written down.
    assert "warning" not in call(capsys, "predict", "any.joblib", "rec", "--window", "0.3")[2]


def table(out):
    return list(csv.DictReader(io.StringIO(out, newline="")))


def test_a_run_folder_means_its_model(place, capsys):
    data = {"name": "sounds", "n_samples": 24, "n_classes": 2, "duration": 0.3, "random_state": 0}
    params = {"dataset": data, "split": "random", "model": "logistic_regression", "budget": 8}
    params |= {"features": FEATURES | {"name": "log_mel"}, "n_initial": 4, "n_instances": 4}
    (place / "params.json").write_text(json.dumps(params | {"random_seed": 3}))
    assert call(capsys, "run", "params.json", "--verbose", "0")[0] == 0
    (run,) = (path.parent for path in place.rglob("summary.json"))
    code, out, err = call(capsys, "predict", run, "rec")
    assert (code, "model.skal contains a Python pickle" in err) == (0, True)
    names = [row["path"] for row in table(out)]
    expected = Recognizer.load(run).predict([place / "rec" / name for name in names])
    assert len(names) == 12
    assert [row["label"] for row in table(out)] == list(expected)


@pytest.mark.parametrize("given", ["rec", "rec/.skal"])
def test_a_project_folder_means_its_newest_model(place, made, capsys, given):
    labels = made[1]
    estimator = joblib.load("model.joblib")
    classes = sorted(set(labels.values()))
    with LabelingProject("rec", classes, estimator=estimator, window=0.3) as project:
        while (question := project.next("ada")) is not None:
            label = labels[question.name]
            project.answer(question.question_id, "ada", "label", label)
        train(project)
    code, out, err = call(capsys, "predict", given, "rec")
    assert (code, "models/round-0000.skal contains a Python pickle" in err) == (0, True)
    assert {row["path"]: row["label"] for row in table(out)} == labels
    assert {(row["start"], row["end"]) for row in table(out)} == {("0.0", "0.3")}


def test_a_folder_of_broken_recordings_fails(place, capsys):
    (place / "broken").mkdir()
    (place / "broken" / "a.wav").write_bytes(b"")
    code, out, _ = call(capsys, "predict", "model.joblib", "broken")
    assert code == 1
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize("command", ["label", "predict"])
def test_help_names_every_option(command):
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exit_code == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.output)
    options = ["--window", "--hop", "--output"]
    if command == "label":
        options += ["--classes", "--project", "--store", "--port", "--host", "--token"]
        options += ["--no-browser", "--terminal", "--strategy", "--per-round", "--audit-share"]
        options += ["--shared-share", "--show-guess", "--export", "--import", "--person"]
    else:
        assert "Python pickle" in text
    assert all(option in text for option in options)


def test_a_missing_extra_says_what_to_install(place):
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from skal.cli import main; main(['label', 'rec'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "skal: sqlalchemy is missing: pip install 'skal-audio[label]'\n"


@pytest.mark.slow
def test_predict_needs_no_extra_and_ends_with_its_reader(place, made):
    code = (
        "import sys\n"
        "for name in ('sqlalchemy', 'fastapi', 'uvicorn', 'jinja2'): sys.modules[name] = None\n"
        "from skal.cli import main; main(['predict', 'model.joblib', 'rec', '--block', '1'])"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 13
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"Traceback" not in error
    assert b"BrokenPipe" not in error


@pytest.mark.slow
@pytest.mark.parametrize("place_of_job", ["foreground", "background"])
def test_the_page_is_served_until_ctrl_c(place, place_of_job):
    # A shell starts a job in the background with Ctrl-C ignored.
    ignored = place_of_job == "background"
    before = signal.signal(
        signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler
    )
    try:
        process = start("label", "rec", "--classes", "a,b", "--no-browser", cwd=place)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        line = process.stdout.readline().decode()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
        with urllib.request.urlopen(f"{address}api/classes", timeout=60) as answer:
            assert [item["name"] for item in json.load(answer)] == ["a", "b"]
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert b"all answers are saved" in error
    assert b"Traceback" not in error
    assert process.returncode == 0


@pytest.mark.slow
def test_a_terminal_is_enough(place):
    words = ["label", "rec", "--classes", "a,b", "--terminal", "--person", "ada"]
    process = start(*words, cwd=place, stdin=subprocess.PIPE)
    out, error = process.communicate(b"1\n2\nu\nz\nb\nq", timeout=120)
    assert process.returncode == 0, error
    assert b"all saved" in out
    assert b"\x1b[" not in out
    with LabelingProject(place / "rec") as project:
        said = [(answer.kind, answer.label) for answer in project.answers()]
    expected = [("label", "a"), ("label", "b"), ("unsure", None), ("undo", None), ("bad", None)]
    assert said == expected


def test_classes_are_changed_by_command(place, capsys):
    with LabelingProject("rec", ["dgo", "car", "noise"]) as project:
        for clip_id, name in enumerate(["dgo", "car", "noise"]):
            project.relabel(clip_id, "ann", "label", name)
    changes = ["--rename", "dgo=dog", "--merge", "car=dog", "--retire", "noise"]
    code, out, err = call(capsys, "classes", "rec", *changes, "--add", "a;b")
    assert code == 0
    assert re.findall(r"(\d+)  (\S+)$", out, re.M) == [("2", "dog"), ("0", "a;b")]
    assert "the class 'noise' was retired" in err
    code, out, err = call(capsys, "label", "rec", "--classes", "dgo,owl,a;b", "--export", "csv")
    assert code == 0
    assert "'dgo' is now 'dog': it was not added again" in err
    assert "the class 'owl' is new in this project" in err
    assert "noise" not in out
    code, out, _ = call(capsys, "classes", "rec", "--restore", "noise")
    assert "1  noise" in out
    assert call(capsys, "classes", "rec", "--rename", "dog")[0] == 2
    assert "no class 'x'" in call(capsys, "classes", "rec", "--retire", "x")[2]


def test_a_class_means_nothing_of_interest(place, made, capsys, monkeypatch):
    monkeypatch.setattr("skal.cli.labeling._label_here", lambda *args: None)
    words = ["label", "rec", "--terminal", "--classes", "a,noise"]
    assert "if 'noise' is for clips without any sound of interest" in call(capsys, *words)[2]
    code, _, error = call(capsys, *words, "--nothing", "empty")
    assert code == 0 and "the class 'empty' is new" in error and "of interest" not in error
    code, out, _ = call(capsys, "classes", "rec", "--nothing", "noise")
    assert code == 0
    assert [line.split(maxsplit=2)[2] for line in out.splitlines()] == [
        "a",
        "empty",
        "noise   (nothing of interest)",
    ]
    name = sorted(set(made[1].values()))[0]
    code, out, error = call(capsys, "predict", "model.joblib", "rec", "--nothing", name)
    labels = [row["label"] for row in csv.DictReader(out.splitlines())]
    assert name not in labels and f'{labels.count("none of these")} are "none of these"' in error
    words = ["--nothing", name, "--count-nothing"]
    assert name in call(capsys, "predict", "model.joblib", "rec", *words)[1].split(",")
    code, _, error = call(capsys, "predict", "model.joblib", "rec", "--nothing", "owl")
    assert code == 2 and error.splitlines()[-1].startswith("skal: --nothing: the model has no cl")


def test_going_on_with_models_says_that_they_are_pickles(place, capsys, monkeypatch):
    monkeypatch.setattr("skal.cli.labeling._label_here", lambda *args: None)
    words = ["label", "rec", "--terminal", "--classes", "a,b"]
    assert "pickle" not in call(capsys, *words)[2]
    (place / "rec" / ".skal" / "campaign" / "0001").mkdir(parents=True)
    first = call(capsys, *words)[2].splitlines()[0]
    assert "contains Python pickles of models, which run code when opened" in first


def test_classes_separated_by_semicolons_are_questioned(place, capsys):
    code, _, err = call(capsys, "label", "rec", "--classes", "dog;siren", "--export", "csv")
    assert code == 2
    assert "is 'dog;siren' one class?" in err and "dog,siren" in err
    assert not (place / "rec" / ".skal").exists()


def test_an_import_replaces_answers_if_told_so(place, capsys):
    name = sorted(path.name for path in (place / "rec").glob("*.wav"))[0]
    with LabelingProject("rec", ["dog", "owl"]) as project:
        project.relabel(0, "ann", "label", "dog")
    (place / "in.csv").write_text(f"path,label\n{name},owl\n")
    given = ["label", "rec", "--import", "in.csv", "--export", "csv"]
    code, out, err = call(capsys, *given)
    assert (code, ",dog," in out) == (0, True) and "it was kept" in err
    code, out, err = call(capsys, *given, "--replace")
    assert (code, ",owl," in out) == (0, True) and "stay on record" in err
    assert call(capsys, "label", "rec", "--replace")[0] == 2
