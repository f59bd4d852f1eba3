"""Run folders: numbers, whole files, and problems told in one line."""

import json
import os
import threading

import pytest

from skal.experiment.messages import ExperimentError
from skal.experiment.runs.run_folder import RunFolder, describe_environment, make_output_folder


def test_folders_are_numbered(tmp_path):
    (tmp_path / "a" / "7").mkdir(parents=True)
    (tmp_path / "a" / "notes").mkdir()
    assert RunFolder.create(tmp_path / "a").path == tmp_path / "a" / "8"
    assert RunFolder.create(tmp_path / "b" / "c").path == tmp_path / "b" / "c" / "1"


def test_no_two_runs_share_a_folder(tmp_path):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(RunFolder.create(tmp_path / "x").path))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(path.name) for path in made) == list(range(1, 9))


def test_files_are_whole_or_absent(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_json("a.json", {"n": 1})
    with pytest.raises(RuntimeError), folder.open("a.json") as file:
        file.write(b"half")
        raise RuntimeError
    assert json.loads((tmp_path / "a.json").read_text()) == {"n": 1}
    assert os.listdir(tmp_path) == ["a.json"]  # no temporary file is left


def test_csv_and_log(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_csv("a.csv", ["x", "y"], [{"x": 1, "y": "ä,b"}, {"x": 2}])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == 'x,y\n1,"ä,b"\n2,\n'
    folder.log("one")
    folder.log("two")
    assert (tmp_path / "log.txt").read_text() == "one\ntwo\n"


def test_problems_name_the_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match=r"cannot make a run folder in .*file"):
        RunFolder.create(tmp_path / "file" / "runs")
    folder = RunFolder(tmp_path / "gone")
    with pytest.raises(ExperimentError, match=r"cannot write .*a\.json: No such file"):
        folder.write_json("a.json", {})
    with pytest.raises(ExperimentError, match=r"cannot write .*log\.txt: No such file"):
        folder.log("line")


def test_git_ignores_what_skal_writes(tmp_path):
    make_output_folder(tmp_path / "a" / "outputs")
    assert (tmp_path / "a" / "outputs" / ".gitignore").read_text() == "*\n"
    make_output_folder(tmp_path / "a")  # a folder of the user stays as it is
    assert os.listdir(tmp_path / "a") == ["outputs"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match=r"cannot write .*: Not a directory"):
        make_output_folder(tmp_path / "file" / "outputs")


def test_environment_says_what_a_result_depends_on():
    environment = describe_environment(seed=3)
    assert environment["seed"] == 3
    assert {"skal-audio", "numpy", "tensorflow", "librosa"} <= set(environment["packages"])
    json.dumps(environment)
