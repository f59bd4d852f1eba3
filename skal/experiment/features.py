"""Compute the features of a folder of recordings into a store."""

from skal.audio.cache import build_features
from skal.experiment.components import build
from skal.experiment.data import load_data, set_aside
from skal.experiment.messages import ExperimentError, ParameterError
from skal.experiment.progress import Reporter

__all__ = ["store_features"]


def store_features(params, *, store="skal_features", dtype="float32", key="time"):
    """Compute features once, for `skal.audio.FeatureCache` to find.

    Parameters
    ----------
    params : Params
        Complete parameters: ``data_home`` with the recordings, ``features``, ``n_jobs``.
    store : path-like, default="skal_features"
        Folder of the store.
    dtype : {"float32", "float16"}, default="float32"
        Of the numbers on disk.
    key : {"time", "content"}, default="time"
        See `skal.audio.FeatureCache`.

    Returns
    -------
    FeatureReport

    Raises
    ------
    ExperimentError
        If a parameter is wrong, or the store cannot be written.
    """
    reporter = Reporter(params.verbose)
    given = {"on_error": "warn", "n_jobs": params.n_jobs} | params.features.params
    transformer = build("features", params.features.name, given)
    data = load_data(params, labeled_only=False)
    paths = data.clips
    try:
        with reporter.bar("features", len(paths)) as bar:
            report = build_features(
                paths,
                transformer,
                store,
                dtype=dtype,
                key=key,
                progress=lambda n_done, n_clips, n_failed: bar(n_done),
            )
    except ValueError as error:
        raise ParameterError("features", error) from error
    except OSError as error:
        where = error.filename or store
        raise ExperimentError(f"cannot write {where}: {error.strerror or error}") from error
    for note in data.notes:
        reporter.line(note)
    for broken in report.broken.values():
        reporter.line(set_aside(*broken))
    shape = " x ".join(map(str, report.shape or ()))
    reporter.line(
        f"{report.n_clips} clips, {report.n_computed} computed now, {len(report.broken)} "
        f"broken; features of {shape} in {report.store}"
    )
    return report
