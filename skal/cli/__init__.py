"""The command line: ``skal run``, ``skal label``, ``skal predict`` and the others."""

import sys

# These modules add their commands to the application.
from skal.cli import experiments, labeling, searching
from skal.cli.app import app, fail, one_line_warnings

__all__ = ["experiments", "labeling", "main", "searching"]


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
        with one_line_warnings():
            app(args=argv, prog_name="skal")
    except ParameterError as error:
        fail(f"skal: {error}", 2)
    except ExperimentError as error:
        fail(f"skal: {error}", 1)
