"""The command line: ``skal run``, ``skal params``."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["main"]

app = typer.Typer(
    name="skal",
    help="Active learning for sound: choose which recordings to label next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_ANY_KEY = {"ignore_unknown_options": True, "allow_extra_args": True}


@app.command(context_settings=_ANY_KEY, options_metavar="[PRESET | PARAMS.json] [--KEY VALUE ...]")
def run(ctx: typer.Context):
    """Run an experiment: train, choose, label, again and again, on labeled recordings.

    Without arguments it runs on sounds made for the purpose. PRESET is the name of a parameter
    file that comes with skal, PARAMS.json one of your own. Every key of a parameter file is an
    option too, nested ones with dots:

    skal run fsdd --data-home FOLDER --strategy entropy --model.learning_rate 0.001

    "skal params --explain" lists the keys and the presets.
    """
    from skal.experiment.params import load_params

    source, overrides = _parse(ctx.args)
    params, notes = load_params(_read(source), overrides)
    # TensorFlow writes about its build to the screen unless it is told not to before its import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from skal.experiment.run import run_experiment

    try:
        run_experiment(params, notes=notes)
    except KeyboardInterrupt:
        _fail("skal: interrupted; what was finished is in the run folder", 130)


@app.command()
def params(
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print a table of keys.")] = False,
):
    """Describe the keys of a parameter file."""
    if schema == explain:
        raise typer.BadParameter("give either --schema or --explain")
    if schema:
        from skal.experiment.params import Params

        print(json.dumps(Params.model_json_schema(), indent=2))
        return
    from skal.experiment.explain import explain_params

    explain_params()


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None: those of the process.

    Raises
    ------
    SystemExit
        Always: 0 if all went well, 2 after a wrong parameter, 1 after another problem, 130
        after Ctrl-C.
    """
    from skal.experiment.messages import ExperimentError, ParameterError

    argv = list(sys.argv[1:] if argv is None else argv)
    if argv and argv[0].replace("-", "_").startswith("__param_file"):
        argv.insert(0, "run")
    try:
        app(args=argv, prog_name="skal")
    except ParameterError as error:
        _fail(f"skal: {error}", 2)
    except ExperimentError as error:
        _fail(f"skal: {error}", 1)


def _fail(line, code):
    print(line, file=sys.stderr)
    raise SystemExit(code)


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
    from skal.experiment.messages import ParameterError
    from skal.experiment.params import read_preset

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
