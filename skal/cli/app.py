"""The Typer application, and how commands end."""

import contextlib
import os
import sys
import warnings
from typing import Annotated

import typer

import skal

__all__ = ["app", "fail", "one_line_interrupt", "one_line_warnings", "quiet_tensorflow"]

app = typer.Typer(
    name="skal",
    help="Active learning for sound: choose which recordings to label next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
):
    """Active learning for sound: choose which recordings to label next."""
    if version:
        print(f"skal {skal.__version__}")
        raise typer.Exit


def quiet_tensorflow():
    """Silence TensorFlow's build messages; call it before importing TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def one_line_interrupt():
    """Print how to continue; Typer only says that the command was aborted."""
    try:
        yield
    except KeyboardInterrupt as error:
        again = "interrupted before the first round; start again with the same command"
        fail(f"skal: {error if str(error) else again}", 130)


@contextlib.contextmanager
def one_line_warnings():
    """Print warnings for users as one line each, without the code that raised them."""
    with warnings.catch_warnings():
        # Python forgets which warnings it has shown whenever their filters change.
        before, shown = warnings.showwarning, set()

        def _show(message, category, filename, lineno, file=None, line=None):
            if issubclass(category, UserWarning):
                if str(message) not in shown:
                    print(f"skal: warning: {message}", file=sys.stderr)
                shown.add(str(message))
            else:
                before(message, category, filename, lineno, file, line)

        warnings.showwarning = _show
        yield


def fail(line, code):
    """Exit with a line for the user and an exit code."""
    print(line, file=sys.stderr)
    raise SystemExit(code)
