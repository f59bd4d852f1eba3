"""The command line: what it understands, what it prints, how it fails."""

import json
import os
import signal
import subprocess
import sys
import warnings

import pytest
from typer.testing import CliRunner

from skal.cli import main
from skal.cli.app import app, one_line_warnings
from skal.cli.experiments import _split
from skal.datasets import make_sounds
from skal.datasets.synthetic import write_sounds
from skal.experiment import ParameterError

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]
TINY = {
    "dataset": {"name": "sounds", "n_samples": 40, "n_classes": 2, "duration": 0.3},
    "split": "random",
    "features": {"name": "mfcc", "n_fft": 256, "hop_length": 256, "n_mels": 16, "n_mfcc": 8},
    "model": "logistic_regression",
    "n_initial": 8,
    "n_instances": 8,
    "budget": 16,
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text(json.dumps(TINY))
    return tmp_path


def call(*argv):
    """Run the command line in this process, and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in argv])
    return caught.value.code or 0


def skal(*argv, cwd):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "skal", *argv],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_run_prints_a_line_for_each_round(tiny):
    done = skal("run", "tiny.json", "--strategy", "entropy", "--n-instances=4", cwd=tiny)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rounds = [line for line in done.stdout.splitlines() if line.startswith("round")]
    assert [line.split()[3] for line in rounds] == ["8", "12", "16"]
    assert all(
        word in rounds[0] for word in ("labels", "accuracy", "macro F1", "training", "choosing")
    )
    assert "\x1b" not in done.stdout  # no colors where there is no terminal
    assert "outputs/sounds/entropy/1/" in done.stdout
    assert (tiny / "outputs/sounds/entropy/1/curve.png").is_file()


def test_own_recordings_start_from_the_defaults(tiny, capsys):
    write_sounds(make_sounds(24, 2, duration=0.3, random_state=0), tiny / "clips")
    words = "--dataset folder --data-home clips --features mfcc --n_initial 9 --full_data false"
    words += " --features.duration 0.3 --model logistic_regression"
    words = words.split()
    assert call("run", *words) == 0
    out = capsys.readouterr().out
    assert out.startswith("command line: dataset, data_home, features, n_initial")
    assert "defaults: split, strategy, n_instances, budget" in out
    assert "preset" not in out
    used = json.loads((tiny / "outputs/folder/margin/1/params.json").read_text())
    assert used["features"] == {"name": "mfcc", "duration": 0.3}
    assert used["model"] == {"name": "logistic_regression"}
    assert used["taken_from"]["features.duration"] == "command line"
    assert call("run", *words, "--strategy", "hist_select", "--sel_thresholds", "[9]") == 0
    assert (tiny / "outputs/folder/hist_select/1/stats.csv").is_file()
    assert (tiny / "outputs/.gitignore").read_text() == "*\n"


def test_strategies_with_parameters_in_a_list():
    schedule = {"name": "schedule", "stages": [[60, "typiclust"], [None, "margin"]]}
    text = f" margin , {json.dumps(schedule)},{json.dumps({'name': 'badge'})} , edpc,"
    assert _split(text) == ["margin", schedule, {"name": "badge"}, "edpc"]
    with pytest.raises(ParameterError, match="strategies: not JSON"):
        _split('margin,{"name": }')


def test_the_predecessors_command_works(tiny):
    assert call("--param_file=tiny.json", "--max_round", "1", "--framework_type=random") == 0
    assert (tiny / "outputs/sounds/random/1/stats.csv").is_file()
    assert call("run", "--param_file", "tiny.json", "--output-dir", "elsewhere") == 0
    assert (tiny / "elsewhere/sounds/margin/1/stats.csv").is_file()


def test_options_are_read_as_in_a_file(tiny):
    options = ["--sub_dir", "2018", "--features.top_db", "none", "--full_data", "false"]
    options += ["--strategy.name", "least_confidence", "--budget", "0.4", "--verbose", "0"]
    assert call("run", "tiny.json", *options) == 0
    used = json.loads((tiny / "outputs/2018/least_confidence/1/params.json").read_text())
    assert used["features"]["top_db"] is None
    assert used["full_data"] is False
    assert used["budget"] == 0.4
    assert used["sub_dir"] == "2018"


def test_verbose_0_is_quiet(tiny, capsys):
    assert call("run", "tiny.json", "--verbose", "0") == 0
    assert capsys.readouterr().out == ""
    assert "round" in (tiny / "outputs/sounds/margin/1/log.txt").read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tiny.json", "--n_initail", "3"], "n_initail: unknown key; did you mean 'n_initial'?"),
        (["tiny.json", "--budget", "-3"], "budget: -3 is not allowed; use an integer"),
        (["tiny.json", "--strategy", "margn"], "did you mean 'margin'?"),
        (["tiny.json", "--model.C", "x"], "model.C: must be a float"),
        (["tiny.json", "--budget"], "budget: a value is missing"),
        (["tiny.json", "--budget", "--n_seeds", "2"], "budget: a value is missing"),
        (["tiny.json", "fsdd"], "fsdd: tiny.json is given already"),
        (["tiny.json", "--param_file=tiny.json"], "is given already"),
        (["--param_file"], "param_file: a value is missing"),
        (["fssd"], "fssd: neither a file nor a preset of this name; did you mean 'fsdd'?"),
        (["fsdd"], "data_home: name the folder of the recordings of fsdd"),
        (["missing.json"], "missing.json: cannot read the parameter file"),
        (["broken.json"], "broken.json: not JSON"),
        (["list.json"], "list.json: a parameter file must contain an object"),
    ],
)
def test_a_wrong_parameter_is_one_line_and_exit_code_2(tiny, capsys, argv, message):
    (tiny / "broken.json").write_text('{"n_seeds": }')
    (tiny / "list.json").write_text("[1]")
    assert call("run", *argv) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("skal: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tiny / "outputs").exists()


def test_no_traceback_reaches_the_user(tiny):
    done = skal("run", "tiny.json", "--n_initail", "3", cwd=tiny)
    assert done.returncode == 2
    assert done.stderr.startswith("skal: n_initail: unknown key")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_line(tiny, capsys):
    (tiny / "outputs").write_text("a file where the folder should be")
    assert call("run", "tiny.json", "--verbose", "0") == 1
    assert "cannot make a run folder in outputs" in capsys.readouterr().err


def test_ctrl_c_is_one_line(tiny, capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skal.experiment.runs.plan.load_data", interrupt)
    assert call("run", "tiny.json") == 130
    assert capsys.readouterr().err.startswith("skal: interrupted")


def test_ctrl_c_says_how_to_go_on(tiny):
    """Interrupt a process as a terminal does, and go on with the line that it prints."""
    words = [sys.executable, "-u", "-m", "skal", "run", "tiny.json", "--n_instances", "1"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        words, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    while not process.stdout.readline().startswith("round   0"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopping after this step" in said
    command = "skal run --resume outputs/sounds/margin/1"
    assert error == f"skal: interrupted; everything is saved, resume with: {command}\n"
    done = skal(*command.split()[1:], cwd=tiny)
    assert done.returncode == 0, done.stderr
    assert "resumes after round" in done.stdout


def test_params_schema(capsys):
    assert call("params", "--schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert "labeled_percent" in schema["properties"]


def test_params_explain(capsys):
    assert call("params", "--explain") == 0
    table = capsys.readouterr().out
    assert "n_instances" in table
    assert "margin" in table
    assert "presets: " in table
    assert call("params") == 0
    assert capsys.readouterr().out == table
    assert call("params", "--explain", "--schema") == 2


@pytest.mark.parametrize("argv", [("params", "--presets"), ("run", "--list")])
def test_presets_are_listed(capsys, argv):
    assert call(*argv) == 0
    table = capsys.readouterr().out
    assert "urbansound8k" in table
    assert "hist_select" in table


def test_help_does_not_wait_for_heavy_imports():
    code = (
        "import sys, runpy; sys.argv = ['skal', 'run', '--help']\n"
        "try: runpy.run_module('skal', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'librosa', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.rstrip().endswith("[]")
    assert "PARAMS.json" in done.stdout


def test_features_are_stored_once(tiny, capsys):
    sounds = make_sounds(12, 3, duration=0.3, random_state=0)
    write_sounds(sounds, tiny / "clips")
    (tiny / "clips" / "broken.wav").write_bytes(b"no sound")
    words = ["features", "clips", "--features", "mfcc", "--features.sr", "8000"]
    words += ["--features.duration", "0.3", "--store", "here"]
    assert call(*words) == 0
    out = capsys.readouterr().out
    assert "13 clips, 12 computed now, 1 broken; features of 20 x" in out
    assert "broken.wav" in out
    assert call(*words) == 0
    assert "0 computed now" in capsys.readouterr().out
    (store,) = (tiny / "here").rglob("broken.csv")
    assert "broken.wav" in store.read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["features"], "features: name the folder of the recordings"),
        (["features", "nowhere"], "dataset: "),
        (["features", "clips", "--budget", "3"], "budget: not an option of this command"),
        (["compare", "tiny.json", "--scheduler", "tcp://x:1"], "scheduler: it needs"),
        (["compare", "tiny.json", "--backend", "dusk"], "backend: "),
        (["compare", "tiny.json", "--strategies", "margn"], "did you mean 'margin'?"),
    ],
)
def test_other_commands_fail_in_one_line_too(tiny, capsys, argv, message):
    assert call(*argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_compare_on_a_dask_cluster(tiny, capsys):
    from distributed import LocalCluster

    words = ["compare", "tiny.json", "--strategies", "margin", "--n_seeds", "2"]
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        assert call(*words, "--backend", "dask", "--scheduler", address) == 0
    assert "4 of 4 runs to do" in capsys.readouterr().out
    assert call(*words) == 0
    assert "0 of 4 runs to do" in capsys.readouterr().out


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_80_columns(command):
    words = ["--help"] if command is None else [command, "--help"]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 80
    assert "…" not in done.output  # a name that is cut cannot be typed


def test_a_warning_is_one_line(capsys):
    with one_line_warnings():
        for text in ("a.wav is short", "b.wav is short", "a.wav is short"):
            with warnings.catch_warnings():  # changes the filters
                warnings.simplefilter("always")
                warnings.warn(text, stacklevel=1)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["skal: warning: a.wav is short", "skal: warning: b.wav is short"]
