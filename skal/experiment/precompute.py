"""Compute the features of a folder of recordings into a store."""

from skal.audio.cache import build_features
from skal.experiment.messages import ExperimentError
from skal.experiment.registry import build
from skal.experiment.runs.data import features_error, line_about, load_data
from skal.experiment.runs.progress import Reporter
from skal.experiment.runs.run_folder import make_output_folder

__all__ = ["store_features"]


def store_features(params, *, store="skal_features", dtype="float32", key="time"):
    """Compute features into a store for `skal.audio.FeatureCache`."""
    reporter = Reporter(params.verbose)
    given = {"on_error": "warn", "n_jobs": params.n_jobs} | params.features.params
    transformer = build("features", params.features.name, given)
    data = load_data(params, labeled_only=False)
    paths = data.clips
    make_output_folder(store)
    try:
        with reporter.bar("features", len(paths)):
            report = build_features(
                paths,
                transformer,
                store,
                dtype=dtype,
                key=key,
                progress=lambda n_done, n_clips, n_failed: reporter.advance(n_done),
            )
    except ValueError as error:
        raise features_error(error) from error
    except OSError as error:
        where = error.filename or store
        raise ExperimentError(f"cannot write {where}: {error.strerror or error}") from error
    for note in data.notes:
        reporter.line(note)
    for broken in report.broken.values():
        reporter.line(line_about(*broken))
    shape = f"; features of {' x '.join(map(str, report.shape))}" if report.shape else ""
    reporter.line(
        f"{report.n_clips} clips, {report.n_computed} computed now, {len(report.broken)} "
        f"broken{shape} in {report.store}"
    )
    if len(report.broken) == report.n_clips:
        raise ExperimentError(f"none of the {report.n_clips} recordings can be read")
    return report
