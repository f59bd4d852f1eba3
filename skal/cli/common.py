"""Shared by the labeling commands: options, checks, and one-line errors."""

import contextlib
import os
import sys

import typer

from skal.cli.app import fail
from skal.label.formats import LabelFileError
from skal.label.store.project_error import ProjectError

__all__ = [
    "check_place",
    "exit_on_closed_pipe",
    "option",
    "output_stream",
    "plain_errors",
    "tell",
]

_EXTRA = ("sqlalchemy", "fastapi", "uvicorn", "jinja2", "starlette")


def option(help, *names, **more):
    """Make an option of a command."""
    return typer.Option(*names, help=help, show_default=False, **more)


def check_place(output):
    """Check before any work that an output file can be written; name the file in errors."""
    if output is None:
        return
    folder = output.absolute().parent
    if not folder.is_dir():
        fail(f"skal: {output}: No such file or directory; create its folder first", 2)
    if output.is_dir():
        fail(f"skal: {output}: Is a directory; name a file in it", 2)
    if not os.access(folder, os.W_OK):
        fail(f"skal: {output}: Permission denied; its folder cannot be written to", 2)


@contextlib.contextmanager
def plain_errors():
    """Report errors in the user's input in one line."""
    from skal._utils.files.saved_models import ModelError

    try:
        yield
    except ImportError as error:
        if error.name not in _EXTRA:
            raise
        fail(f"skal: {error.name} is missing: pip install 'skal-audio[label]'", 2)
    except OSError as error:
        fail(f"skal: {_said(error)}", 2)
    except (LabelFileError, ModelError, ProjectError) as error:
        fail(f"skal: {error}", 2)


def _said(error):
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}"


@contextlib.contextmanager
def exit_on_closed_pipe():
    """Exit silently when the reader of the output closes it, as ``| head`` does."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Discard the rest of the buffer: flushing it would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


@contextlib.contextmanager
def output_stream(output):
    """Open a file that appears whole, or standard output until its reader closes it."""
    from skal._utils.files.atomic import write_atomically

    if output is None:
        with exit_on_closed_pipe():
            yield sys.stdout.buffer
    else:
        with write_atomically(output) as stream:
            yield stream


def tell(line):
    """Print a note to standard error."""
    print(f"skal: {line}", file=sys.stderr)
