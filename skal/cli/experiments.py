"""Commands of experiments: ``skal run``, ``compare``, ``features``, ``params``."""

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer

from skal.cli.app import app, one_line_interrupt, quiet_tensorflow

__all__ = ["compare", "features", "params", "run"]

_ANY_KEY = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command(context_settings=_ANY_KEY, options_metavar="[PRESET | PARAMS.json] [--KEY VALUE ...]")
def run(ctx: typer.Context):
    """Run an experiment on labeled recordings: rounds of training, choosing, and labeling.

    Without arguments it runs on synthetic sounds. PRESET is the name of a parameter file that
    comes with skal, PARAMS.json is your own file. Every key of a parameter file is also an option;
    nested keys have dots:

    skal run fsdd --data_home FOLDER --strategy entropy --model.learning_rate
    0.001

    skal run --dataset folder --data_home FOLDER uses your own recordings, in one folder for each
    class, with default settings.

    skal run --list lists the presets; skal params lists the keys.

    skal run --resume [FOLDER] continues an interrupted run, or all interrupted runs below a folder
    (default: outputs). Checkpoints contain Python pickles, which run code when opened: resume only
    runs that you trust.
    """
    from skal.experiment.params.parameters import load_params

    if ctx.args == ["--list"]:
        return params(presets=True)
    if any(word.partition("=")[0] == "--resume" for word in ctx.args):
        return _resume(ctx.args)
    source, overrides = _parse(ctx.args)
    given, place, passed_over = _read(source, overrides)
    checked, notes = load_params(given, overrides, source=place)
    quiet_tensorflow()
    from skal.experiment.runs.run import run_experiment

    with one_line_interrupt():
        run_experiment(checked, notes=[*passed_over, *notes])


def _resume(args):
    from skal.experiment.messages import ParameterError

    args = [word for word in args if word != "--resume"]
    args = [word.removeprefix("--resume=") for word in args]
    folder, overrides = _parse(args)
    wrong = [key for key, _ in overrides if key != "verbose"]
    if wrong:
        raise ParameterError(wrong[0], "a resumed run keeps its own parameters; leave it out")
    quiet_tensorflow()
    from skal.experiment.runs.run import resume_runs

    with one_line_interrupt():
        resume_runs(folder or "outputs", verbose=dict(overrides).get("verbose", 1))


@app.command(context_settings=_ANY_KEY, options_metavar="[PRESET | PARAMS.json] [--KEY VALUE ...]")
def compare(ctx: typer.Context):
    """Run several strategies with several seeds, and compare their results.

    skal compare fsdd --data_home FOLDER --strategies entropy,margin,edpc

    A strategy with parameters is written as in a parameter file:

    --strategies 'margin,{"name": "schedule",
    "stages": [[60, "typiclust"], [null, "margin"]]}'

    Random is always included. By default there are as many seeds as a significant difference needs
    (--n_seeds changes this). The expected time is printed after the first run. --n_jobs 4 runs
    four at a time; --backend dask --scheduler tcp://HOST:8786 uses a Dask cluster, --backend ray
    uses Ray. Repeat the command to continue after an interruption, or to add seeds or strategies.
    The other options are those of "skal run".
    """
    from skal.experiment.messages import ParameterError
    from skal.experiment.params.parameters import merge

    source, overrides = _parse(ctx.args)
    ours = dict(overrides)
    strategies, backend, scheduler = (
        ours.pop(key, None) for key in ("strategies", "backend", "scheduler")
    )
    if scheduler is not None and backend != "dask":
        raise ParameterError("scheduler", "it needs --backend dask")
    given, place, notes = _read(source, ours.items())
    given = merge(given, ours.items(), place)
    if isinstance(strategies, str):
        strategies = _split(strategies)
    quiet_tensorflow()
    from skal.experiment.comparing.comparison import compare as run_comparison
    from skal.experiment.explain import show_comparison

    with one_line_interrupt(), _backend(backend, scheduler):
        comparison = run_comparison(given, strategies, notes=notes)
    if given.get("verbose", 1):
        show_comparison(comparison)


def _split(text):
    """Split a list of names and JSON objects at its commas."""
    from skal.experiment.messages import ParameterError

    found, rest = [], text.strip()
    try:
        while rest:
            if rest[0] == "{":
                value, end = json.JSONDecoder().raw_decode(rest)
            else:
                value = rest.partition(",")[0]
                value, end = value.strip(), len(value)
            found.append(value)
            rest = rest[end:].lstrip().removeprefix(",").lstrip()
    except json.JSONDecodeError as error:
        raise ParameterError("strategies", f"not JSON: {error}") from error
    return found


@contextlib.contextmanager
def _backend(name, scheduler):
    """Select joblib's backend."""
    import joblib

    from skal.experiment.messages import ParameterError

    if name is None:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            if name == "dask":
                from distributed import Client

                stack.enter_context(Client(scheduler, timeout=30))
            elif name == "ray":
                from ray.util.joblib import register_ray

                register_ray()
            stack.enter_context(joblib.parallel_config(name))
        except ImportError as error:
            raise ParameterError("backend", f"{name} is not installed: {error}") from error
        except OSError as error:
            raise ParameterError("scheduler", f"no answer from {scheduler}: {error}") from error
        except ValueError as error:
            raise ParameterError("backend", error) from error
        yield


@app.command(context_settings=_ANY_KEY, options_metavar="FOLDER [--KEY VALUE ...]")
def features(ctx: typer.Context):
    """Compute the features of all recordings in a folder, and store them.

    skal features RECORDINGS --features.sr 16000 --features.duration 2.0

    skal features RECORDINGS --embedding birdnet

    computes embeddings by a pretrained network.

    --store FOLDER is the store (default: skal_features), --dtype float16 halves its size, --key
    content knows a file by its content instead of its name and time. Broken recordings are listed
    in broken.csv in the store and do not stop the others.
    """
    from skal.experiment.messages import ParameterError
    from skal.experiment.params.parameters import load_params

    folder, overrides = _parse(ctx.args)
    if folder is None:
        raise ParameterError("features", "name the folder of the recordings: skal features FOLDER")
    ours = dict(overrides)
    options = {key: ours.pop(key) for key in ("store", "dtype", "key") if key in ours}
    wrong = [
        key
        for key in ours
        if key.split(".")[0] not in ("features", "embedding", "n_jobs", "verbose")
    ]
    if wrong:
        raise ParameterError(
            wrong[0],
            "not an option of this command; allowed: features.*, embedding, store, dtype, key",
        )
    given, _ = load_params({"dataset": "folder", "data_home": folder}, ours.items())
    from skal.experiment.precompute import store_features

    with one_line_interrupt():
        store_features(given, **options)


@app.command()
def params(
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print the keys (default).")] = False,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets.")] = False,
):
    """Describe the keys of a parameter file, or list the presets."""
    if schema + explain + presets > 1:
        raise typer.BadParameter("give one of --schema, --explain and --presets")
    from skal.experiment.explain import explain_params, explain_presets, file_schema

    if schema:
        print(json.dumps(file_schema(), indent=2))
    elif presets:
        explain_presets()
    else:
        explain_params()


def _parse(args):
    """Return the preset or file (or None), and the (key, value) pairs of the options."""
    from skal.experiment.messages import ParameterError

    sources, overrides, waiting = [], [], list(args)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            sources.append(word)
            continue
        key, equals, text = word[2:].partition("=")
        key = key.replace("-", "_")
        if not equals:
            if not waiting or waiting[0].startswith("--"):
                raise ParameterError(key, "a value is missing: --KEY VALUE")
            text = waiting.pop(0)
        if key == "param_file":
            sources.append(text)
        else:
            overrides.append((key, _value(key, text)))
    if len(sources) > 1:
        raise ParameterError(sources[1], f"{sources[0]} is given already; name one preset or file")
    return (sources[0] if sources else None), overrides


def _value(key, text):
    """Parse a value as JSON if possible, else as text; none and null are null."""
    from skal.experiment.params.alframework import OldKeys
    from skal.experiment.params.parameters import Params

    field = (Params.model_fields | OldKeys.model_fields).get(key)
    if field is not None and field.json_schema_extra["allowed"].endswith("folder"):
        return text
    if text.lower() in ("none", "true", "false"):
        text = {"none": "null"}.get(text.lower(), text.lower())
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _read(source, overrides):
    """Return the content of a parameter file or preset, its name, and notes on dropped
    settings."""
    from skal.experiment.messages import ParameterError
    from skal.experiment.params.parameters import dataset_given
    from skal.experiment.params.presets import preset_for

    path = Path(source or "")
    if source is None or not (path.suffix == ".json" or path.is_file()):
        given, notes = preset_for(source or "sounds", dataset_given(overrides))
        # The user did not choose the default preset, so don't mention its dropped settings.
        return given, f"preset {source or 'sounds'}", notes if source else []
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(source, f"cannot read the parameter file: {error}") from error
    except json.JSONDecodeError as error:
        raise ParameterError(source, f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ParameterError(source, "a parameter file must contain an object: {key: value, ...}")
    return given, source, []
