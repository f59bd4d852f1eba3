"""Commands of experiments: ``skal run``, ``compare``, ``features``, ``params``."""

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer

from skal.cli.app import app, ctrl_c_is_one_line, quiet_tensorflow

__all__ = ["compare", "features", "params", "run"]

_ANY_KEY = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command(context_settings=_ANY_KEY, options_metavar="[PRESET | PARAMS.json] [--KEY VALUE ...]")
def run(ctx: typer.Context):
    """Run an experiment: train, choose, label, again and again, on labeled recordings.

    Without arguments it runs on sounds made for the purpose. PRESET is the name of a parameter
    file that comes with skal, PARAMS.json one of your own. Every key of a parameter file is an
    option too, nested ones with dots:

    skal run fsdd --data-home FOLDER --strategy entropy --model.learning_rate 0.001

    skal run --list lists the presets, skal params --explain the keys.

    skal run --resume [FOLDER] goes on with a run that was interrupted, or with all of those
    below a folder; without FOLDER, below outputs.
    """
    from skal.experiment.params import load_params

    if ctx.args == ["--list"]:
        return params(presets=True)
    if any(word.partition("=")[0] == "--resume" for word in ctx.args):
        return _resume(ctx.args)
    source, overrides = _parse(ctx.args)
    given, notes = load_params(_read(source), overrides)
    quiet_tensorflow()
    from skal.experiment.run import run_experiment

    with ctrl_c_is_one_line():
        run_experiment(given, notes=notes)


def _resume(args):
    from skal.experiment.messages import ParameterError

    args = [word for word in args if word != "--resume"]
    args = [word.removeprefix("--resume=") for word in args]
    folder, overrides = _parse(args)
    wrong = [key for key, _ in overrides if key != "verbose"]
    if wrong:
        raise ParameterError(wrong[0], "a run goes on with its own parameters; leave it out")
    quiet_tensorflow()
    from skal.experiment.resume import resume_runs

    with ctrl_c_is_one_line():
        resume_runs(folder or "outputs", verbose=dict(overrides).get("verbose", 1))


@app.command(context_settings=_ANY_KEY, options_metavar="[PRESET | PARAMS.json] [--KEY VALUE ...]")
def compare(ctx: typer.Context):
    """Run several strategies with several seeds, and compare what they reach.

    skal compare fsdd --data-home FOLDER --strategies entropy,margin,edpc --n_seeds 10

    Random is always among them. --n_jobs 4 plays four runs at a time; --backend dask
    --scheduler tcp://HOST:8786 plays them on a Dask cluster, --backend ray on Ray. The same
    command goes on where it was interrupted, and adds seeds or strategies. All other options are
    those of "skal run".
    """
    from skal.experiment.messages import ParameterError
    from skal.experiment.params import load_params

    source, overrides = _parse(ctx.args)
    ours = dict(overrides)
    strategies, backend, scheduler = (
        ours.pop(key, None) for key in ("strategies", "backend", "scheduler")
    )
    if scheduler is not None and backend != "dask":
        raise ParameterError("scheduler", "it goes with --backend dask")
    given, notes = load_params({"n_seeds": 5} | _read(source), ours.items())
    quiet_tensorflow()
    from skal.experiment.comparing import DEFAULT_STRATEGIES
    from skal.experiment.comparing import compare as run_comparison
    from skal.experiment.explain import show_comparison

    if isinstance(strategies, str):
        strategies = strategies.split(",")
    with ctrl_c_is_one_line(), _backend(backend, scheduler):
        comparison = run_comparison(given, strategies or DEFAULT_STRATEGIES, notes=notes)
    if given.verbose:
        show_comparison(comparison)


@contextlib.contextmanager
def _backend(name, scheduler):
    """Spread joblib's work as the user wants."""
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
    """Compute the features of all recordings in a folder, once, into a store.

    skal features RECORDINGS --features.sr 16000 --features.duration 2.0

    --store FOLDER says where (skal_features), --dtype float16 halves it, --key content goes by
    what is in a file instead of by its name and time. Broken recordings are listed in
    broken.csv in the store and end nothing.
    """
    from skal.experiment.messages import ParameterError
    from skal.experiment.params import load_params

    folder, overrides = _parse(ctx.args)
    if folder is None:
        raise ParameterError("features", "say where the recordings are: skal features FOLDER")
    ours = dict(overrides)
    options = {key: ours.pop(key) for key in ("store", "dtype", "key") if key in ours}
    wrong = [key for key in ours if key.split(".")[0] not in ("features", "n_jobs", "verbose")]
    if wrong:
        raise ParameterError(wrong[0], "unknown here; allowed: features.*, store, dtype, key")
    given, _ = load_params({"dataset": "folder", "data_home": folder}, ours.items())
    from skal.experiment.features import store_features

    with ctrl_c_is_one_line():
        store_features(given, **options)


@app.command()
def params(
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print a table of keys.")] = False,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets.")] = False,
):
    """Describe the keys of a parameter file, or list those that come with skal."""
    if schema + explain + presets != 1:
        raise typer.BadParameter("give one of --schema, --explain and --presets")
    if schema:
        from skal.experiment.params import Params

        print(json.dumps(Params.model_json_schema(), indent=2))
        return
    from skal.experiment.explain import explain_params, explain_presets

    explain_params() if explain else explain_presets()


def _parse(args):
    """Return the preset or file, or None, and the (key, value) pairs of the options."""
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
    """Read a value as JSON where it is, else as text; none and null are null."""
    from skal.experiment.params import Params

    field = Params.model_fields.get(key)
    if field is not None and field.json_schema_extra["allowed"].endswith("folder"):
        return text
    if text.lower() in ("none", "true", "false"):
        text = {"none": "null"}.get(text.lower(), text.lower())
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _read(source):
    """Read a parameter file, or a preset if there is no file of that name."""
    from skal.experiment.catalog import read_preset
    from skal.experiment.messages import ParameterError

    if source is None:
        return read_preset("sounds")
    path = Path(source)
    if not (path.suffix == ".json" or path.is_file()):
        return read_preset(source)
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(source, f"cannot read the parameter file: {error}") from error
    except json.JSONDecodeError as error:
        raise ParameterError(source, f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ParameterError(source, "a parameter file holds an object: {key: value, ...}")
    return given
