"""Go on with runs that were interrupted."""

import json
from pathlib import Path

from skal.experiment.folder import RunFolder
from skal.experiment.messages import ExperimentError, FolderBusyError
from skal.experiment.params import load_params
from skal.experiment.plan import build_parts
from skal.experiment.progress import Reporter
from skal.experiment.run import natural_order, play_run, read_features

__all__ = ["resume_runs"]

# Keys on which data and features depend: runs with the same values share them.
_DATA_KEYS = ("dataset", "data_home", "sub_dir", "num_total", "features", "model")


def resume_runs(path="outputs", *, verbose=1):
    """Go on with one run, or with all unfinished runs below a folder.

    Parameters
    ----------
    path : path-like, default="outputs"
        A run folder, or a folder that holds some.
    verbose : {0, 1}, default=1
        0: print nothing.

    Returns
    -------
    list of Path
        Folders of the runs that are finished now and were not before.

    Raises
    ------
    ExperimentError
        If there is no run, or another process holds it.
    """
    reporter = Reporter(verbose)
    path = Path(path)
    folders = _find_runs(path)
    waiting = [folder for folder in folders if not folder.is_finished]
    for folder in folders:
        if folder.is_finished:
            folder.tidy()
    if not waiting:
        reporter.line(f"nothing to go on with: all {len(folders)} runs in {path} are finished")
    finished, shared = [], {}
    for folder in waiting:
        try:
            _resume(folder, reporter, shared)
        except FolderBusyError as error:
            if len(waiting) == 1:
                raise
            reporter.line(f"passed over: {error}")
            continue
        finished.append(folder.path)
    return finished


def _find_runs(path):
    if (path / "params.json").is_file():
        return [RunFolder(path)]
    found = natural_order(file.parent for file in path.rglob("params.json"))
    if not found:
        raise ExperimentError(f"{path}: no run was begun here; start it again with skal run")
    return [RunFolder(folder) for folder in found]


def _resume(folder, reporter, shared):
    with folder.hold():
        try:
            params, _ = load_params(folder.read_json("params.json"))
        except (OSError, json.JSONDecodeError) as error:
            raise ExperimentError(f"{folder.path / 'params.json'}: {error}") from error
        used = params.as_used()
        key = json.dumps([used.get(name) for name in _DATA_KEYS])
        if key not in shared:
            shared.clear()
            shared[key] = read_features(params, build_parts(params), reporter)
        data, X, notes = shared[key]
        play_run(folder, params, data, X, notes, reporter)
