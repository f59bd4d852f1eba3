"""Runs that are killed, stopped or run out of disk, and go on to the same result."""

import csv
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from skal._utils.files.atomic import hold_folder
from skal.cli import main
from skal.experiment.messages import ExperimentError, FolderBusyError, Interrupted
from skal.experiment.params.parameters import load_params
from skal.experiment.runs.run import resume_runs, run_experiment
from tests.experiment.test_run import TINY

# Everything that a campaign remembers: pseudo-labels, replay, a criterion, validation scores.
RICH = {
    **TINY,
    "pseudo_labels": {"threshold": 0.5},
    "replay": "uncertain",
    "stopping": {"name": "stabilized_predictions", "agreement": 1.0, "max_rows": 40},
    "validation_fraction": 0.2,
    "n_instances": 3,
    "budget": 34,
}
FILES = ("queries.csv", "stats.csv", "summary.json")


def run(folder, raw):
    return run_experiment(load_params(raw | {"output_dir": str(folder), "verbose": 0})[0])


def in_another_process(function, *args):
    # A fork has everything imported: what is killed is the run, not its imports.
    process = multiprocessing.get_context("fork").Process(target=function, args=args)
    process.start()
    return process


def result(path):
    """Return what must not depend on interruptions: all but times."""
    stats = [
        {key: value for key, value in row.items() if not key.startswith("seconds")}
        for row in csv.DictReader((path / "stats.csv").read_text().splitlines())
    ]
    summary = json.loads((path / "summary.json").read_text())
    summary = {key: value for key, value in summary.items() if not key.startswith("seconds")}
    return (path / "queries.csv").read_text(), stats, summary


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    (path,) = run(tmp_path_factory.mktemp("whole"), RICH)
    start = time.perf_counter()
    run(tmp_path_factory.mktemp("again"), RICH)  # the first one imported half the world
    return result(path), time.perf_counter() - start


def kill_after(seconds, function, *args):
    process = in_another_process(function, *args)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert process.exitcode is not None


def kill_and_resume(folder, expected, rng, n_kills=1):
    """Kill a run at random moments, go on, and compare."""
    whole, seconds = expected
    kill_after(rng.uniform(0, 1.2 * seconds), run, folder, RICH)
    if not list(folder.rglob("params.json")):
        run(folder, RICH)
    for _ in range(n_kills - 1):
        kill_after(rng.uniform(0, seconds), resume_runs, folder)
    resume_runs(folder, verbose=0)
    (path,) = (file.parent for file in folder.rglob("params.json"))
    assert result(path) == whole
    assert {entry.name for entry in path.iterdir()} == {
        *FILES,
        *("params.json", "environment.json", "manifest.json", "log.txt", "held_out.csv"),
        *("curve.png", "model.skal"),
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_goes_on_to_the_same_result(tmp_path, expected, seed):
    kill_and_resume(tmp_path, expected, random.Random(seed), n_kills=seed + 1)


@pytest.mark.slow
def test_fifty_kills(tmp_path, expected):
    rng = random.Random(0)
    for i in range(50):
        kill_and_resume(tmp_path / str(i), expected, rng)


class Killed(BaseException):
    """Stands for the end of the process at one exact place."""


@pytest.mark.parametrize("n_writes", range(1, 35, 5))
def test_ends_right_before_or_after_any_rename(tmp_path, expected, monkeypatch, n_writes):
    """Every file appears by a rename: end there, with the file in place or not."""
    replace, counted = os.replace, []

    def count(source, target):
        counted.append(target)
        if len(counted) == n_writes:
            if n_writes % 2:
                replace(source, target)
            raise Killed
        replace(source, target)

    monkeypatch.setattr(os, "replace", count)
    with pytest.raises(Killed):
        run(tmp_path, RICH)
    monkeypatch.setattr(os, "replace", replace)
    if not list(tmp_path.rglob("params.json")):
        run(tmp_path, RICH)
    resume_runs(tmp_path, verbose=0)
    (path,) = (file.parent for file in tmp_path.rglob("params.json"))
    assert result(path) == expected[0]


def test_all_runs_below_a_folder_go_on(tmp_path, monkeypatch):
    raw = TINY | {"n_seeds": 3, "full_data": False}
    whole = [result(path) for path in run(tmp_path / "whole", raw)]
    from skal.experiment.runs import run as module

    play, played = module.play_run, []

    def play_one(folder, *args):
        if played:
            raise Killed
        played.append(folder)
        play(folder, *args)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(module, "play_run", play_one)
        run(tmp_path / "part", raw)
    resumed = resume_runs(tmp_path / "part", verbose=0)
    assert [path.name for path in resumed] == ["2", "3"]
    found = [result(path) for path in [played[0].path, *resumed]]
    assert found == whole
    assert resume_runs(tmp_path / "part", verbose=0) == []


def test_what_a_finished_run_could_not_remove_goes(tmp_path):
    (path,) = run(tmp_path, TINY | {"full_data": False})
    before = {entry.name for entry in path.iterdir()}
    (path / "checkpoint").mkdir()
    (path / "checkpoint" / "campaign.joblib").write_bytes(b"")
    (path / ".lock").write_text("")
    assert resume_runs(tmp_path, verbose=0) == []
    assert {entry.name for entry in path.iterdir()} == before


def test_nothing_to_go_on_with(tmp_path, capsys):
    with pytest.raises(ExperimentError, match="this folder has no started run"):
        resume_runs(tmp_path)
    run(tmp_path, TINY)
    resume_runs(tmp_path)
    assert "all 1 runs in" in capsys.readouterr().out


def interrupted(folder, raw, monkeypatch, n_rounds=2):
    """Run until some rounds are recorded, and end there as if killed."""
    from skal.experiment.runs.record import Recorder

    call, recorded = Recorder.__call__, []

    def record_few(self, record):
        call(self, record)
        recorded.append(record)
        if len(recorded) == n_rounds:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Recorder, "__call__", record_few)
        run(folder, raw)
    (path,) = (file.parent for file in folder.rglob("params.json"))
    return path


def flip(path, position=None):
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if position is None else position] ^= 1
    path.write_bytes(content)


class TestDamagedFiles:
    """Every file of a run folder: named if it is damaged, or written again."""

    @pytest.fixture
    def path(self, tmp_path, monkeypatch):
        return interrupted(tmp_path, RICH, monkeypatch)

    @pytest.mark.parametrize(
        "name",
        [
            *("params.json", "environment.json", "started.json", "model.skal"),
            *("checkpoint/campaign.skal", "checkpoint/valid.skal"),
        ],
    )
    @pytest.mark.parametrize("damage", [flip, lambda path: path.write_bytes(b"")])
    def test_of_an_interrupted_run(self, path, name, damage):
        damage(path / name)
        with pytest.raises(ExperimentError, match=f"{name} (is damaged|has changed)"):
            resume_runs(path, verbose=0)

    @pytest.mark.parametrize("name", ["params.json", "model.skal", "checkpoint/valid.skal"])
    def test_missing_from_an_interrupted_run(self, path, name):
        (path / name).unlink()
        for folder in (path, path.parents[1]):
            with pytest.raises(ExperimentError, match=f"{name} (is|has been) missing"):
                resume_runs(folder, verbose=0)

    @pytest.mark.parametrize("name", ["stats.csv", "queries.csv"])
    def test_files_that_are_written_again(self, path, expected, name):
        (path / name).write_text("nothing of a table\n")
        assert resume_runs(path, verbose=0) == [path]
        assert result(path) == expected[0]

    def test_a_lost_checkpoint_is_reported(self, path, expected, capsys):
        shutil.rmtree(path / "checkpoint")
        resume_runs(path)
        assert "checkpoint has no campaign: the run starts again" in capsys.readouterr().out
        assert result(path) == expected[0]

    def test_of_a_finished_run(self, tmp_path, capsys):
        (path,) = run(tmp_path, TINY | {"full_data": False})
        for file in sorted(path.iterdir()):
            content = file.read_bytes()
            for damage in (flip, lambda file: file.write_bytes(b"")):
                damage(file)
                named = f"{file.name} (is damaged|has changed since the run finished)"
                with pytest.raises(ExperimentError, match=named):
                    resume_runs(tmp_path, verbose=0)
                file.write_bytes(content)
        (path / "model.skal").unlink()
        assert resume_runs(tmp_path) == []
        assert "model.skal is missing; the run is finished" in capsys.readouterr().out

    def test_of_another_run_is_a_line(self, tmp_path, capsys):
        (path,) = run(tmp_path, TINY | {"full_data": False})
        flip(path / "manifest.json")
        (other,) = run(tmp_path, TINY | {"full_data": False, "verbose": 1})
        assert (other / "manifest.json").exists()


def test_two_processes_on_one_folder(tmp_path, monkeypatch, capsys):
    (path,) = run(tmp_path, TINY | {"full_data": False})
    (path / "manifest.json").unlink()
    with hold_folder(path):
        with pytest.raises(FolderBusyError, match=rf"process {os.getpid()} on"):
            resume_runs(path)
        with pytest.raises(SystemExit) as ended:
            main(["run", "--resume", str(path)])
    assert ended.value.code == 1
    assert f"{path} is held by process {os.getpid()}" in capsys.readouterr().err
    assert resume_runs(path, verbose=0) == [path]


def test_a_run_holds_its_folder(tmp_path, monkeypatch):
    from skal.experiment.runs import run as module

    def play(folder, *args):
        with pytest.raises(FolderBusyError):
            resume_runs(folder.path, verbose=0)
        raise Killed

    monkeypatch.setattr(module, "play_run", play)
    with pytest.raises(Killed):
        run(tmp_path, TINY)


def test_ctrl_c_ends_after_the_step(tmp_path, monkeypatch, capsys):
    whole = result(run(tmp_path / "whole", TINY)[0])
    from skal.experiment.runs.record import Recorder

    call = Recorder.__call__

    def interrupt_round_1(self, record):
        if record["round"] == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        call(self, record)

    monkeypatch.setattr(Recorder, "__call__", interrupt_round_1)
    with pytest.raises(Interrupted, match="resume with: skal run --resume"):
        run(tmp_path / "part", TINY)
    monkeypatch.setattr(Recorder, "__call__", call)
    (path,) = (tmp_path / "part").rglob("stats.csv")
    path = path.parent
    assert len((path / "stats.csv").read_text().splitlines()) == 3  # the step was finished
    with pytest.raises(SystemExit) as ended:
        main(["run", "--resume", str(path)])
    assert ended.value.code in (0, None)
    assert "resumes after round 1, 18 labels" in capsys.readouterr().out
    assert result(path) == whole


def test_other_data_are_one_line(tmp_path, capsys, monkeypatch):
    from skal.experiment.runs.record import Recorder

    def end(self, record):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Recorder, "__call__", end)
        run(tmp_path, TINY)
    (path,) = (file.parent for file in tmp_path.rglob("params.json"))
    params = json.loads((path / "params.json").read_text())
    params["dataset"]["n_samples"] = 50
    (path / "params.json").write_text(json.dumps(params))
    assert call_quietly("run", "--resume", path) == 1
    assert "If you changed it yourself, remove started.json" in capsys.readouterr().err
    (path / "started.json").unlink()
    assert call_quietly("run", "--resume", path) == 1
    error = capsys.readouterr().err
    assert "belongs to another campaign" in error
    assert error.count("\n") == 1


def test_resume_takes_no_other_parameters(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--resume", str(tmp_path), "--budget", "3"])
    assert ended.value.code == 2
    assert "a resumed run keeps its own parameters" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 300 kB in memory; only root may, and not everywhere."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def call_quietly(*argv):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in argv])
    return ended.value.code or 0


@pytest.mark.parametrize("n_free", [0, 1, 6, 11, 16])
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, expected, small_disk, capsys, n_free):
    params = tmp_path / "rich.json"
    params.write_text(json.dumps(RICH | {"output_dir": str(small_disk), "verbose": 0}))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1024 * max(0, _free_kb(small_disk) - 4 * n_free)))
    code = call_quietly("run", params)
    error = capsys.readouterr().err
    assert code == 1
    assert error.count("\n") == 1
    assert "No space left on device" in error
    assert not list(small_disk.rglob("*.tmp"))
    ballast.unlink()
    if not list(small_disk.rglob("params.json")):
        assert call_quietly("run", params) == 0
    else:
        assert call_quietly("run", "--resume", small_disk) == 0
    (path,) = (file.parent for file in small_disk.rglob("params.json"))
    assert result(path) == expected[0]


def _free_kb(folder):
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_bsize // 1024


def test_a_read_only_folder_is_one_line(tmp_path, small_disk, capsys):
    (path,) = run(small_disk, TINY | {"full_data": False})
    (path / "manifest.json").unlink()
    before = {file: Path(file).read_bytes() for file in path.rglob("*") if file.is_file()}
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    params = tmp_path / "tiny.json"
    params.write_text(json.dumps(TINY | {"output_dir": str(small_disk)}))
    for argv in (["run", params], ["run", "--resume", path]):
        assert call_quietly(*argv) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "Read-only file system" in error
    assert {file: Path(file).read_bytes() for file in path.rglob("*") if file.is_file()} == before
