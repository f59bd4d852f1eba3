"""Run folders that an earlier version wrote: they resume, and are reported.

The folder "before" holds the text files of runs by commit 46678a7. Its checkpoints and models are
left out, so a run resumes from its beginning.
"""

import json
import shutil
from pathlib import Path

import pytest

from skal.experiment import compare, resume_runs
from tests.experiment.test_run import read_csv

BEFORE = Path(__file__).parent / "before"
COMPARISON = "compare-47b1315c"


@pytest.fixture
def outputs(tmp_path):
    shutil.copytree(BEFORE, tmp_path / "outputs" / "sounds")
    return tmp_path / "outputs"


@pytest.mark.parametrize("name", [f"{COMPARISON}/margin/0", "entropy/1"])
def test_a_run_resumes(outputs, name):
    path = outputs / "sounds" / name
    (path / "manifest.json").unlink()
    queries = (path / "queries.csv").read_text()
    (path / "queries.csv").unlink()
    assert resume_runs(path, verbose=0) == [path]
    assert (path / "queries.csv").read_text() == queries
    for row, old in zip(
        read_csv(path / "stats.csv"), read_csv(BEFORE / name / "stats.csv"), strict=True
    ):
        # Columns may have come since.
        kept = [key for key in old if not key.startswith("seconds")]
        assert {key: row[key] for key in kept} == {key: old[key] for key in kept}
    # Test clips are listed, and none of them was asked for.
    held_out = read_csv(path / "held_out.csv")
    assert {row["part"] for row in held_out} == {"test"}
    assert len(held_out) == 8
    asked = {row["position"] for row in read_csv(path / "queries.csv")}
    assert not asked & {row["position"] for row in held_out}


def test_finished_runs_stay_finished(outputs, capsys):
    assert resume_runs(outputs) == []
    assert "all 3 runs" in capsys.readouterr().out


def test_a_comparison_goes_on_in_the_same_folder(outputs, capsys):
    folder = outputs / "sounds" / COMPARISON
    params = json.loads((folder / "random" / "0" / "params.json").read_text())
    del params["sub_dir"]  # the command was given without it
    params |= {"output_dir": str(outputs), "n_seeds": 1}
    comparison = compare(params, ["margin"])
    assert comparison.folder == folder
    assert "0 of 2 runs to do" in capsys.readouterr().out
    (random, margin) = read_csv(folder / "table.csv")
    assert (random["strategy"], margin["strategy"]) == ("random", "margin")
    assert float(margin["area"]) == comparison.table[1]["area"]
    assert (folder / "report.html").is_file()
