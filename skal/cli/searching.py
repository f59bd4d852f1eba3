"""The command of search by example: ``skal search``."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from skal.cli.app import app, ctrl_c_is_one_line, fail, quiet_tensorflow
from skal.cli.labeling import _check_place, _option, _plain_errors, _tell

__all__ = ["search"]

_FORMATS = ("csv", "raven", "audacity")


@app.command()
def search(
    recordings: Annotated[Path, typer.Argument(help="Folder of the recordings.")],
    like: Annotated[list[str], _option("Recording of the sound, or FILE#t=START,END.")],
    top: Annotated[int, _option("Windows to print (50).", min=1)] = 50,
    embedding: Annotated[
        str, _option("Pretrained network: birdnet (default), NAME=WEIGHTS, or a file of one.")
    ] = "birdnet",
    window: Annotated[float, _option("Length of the windows, in s (3).")] = 3.0,
    hop: Annotated[float | None, _option("Distance between their starts, in s.")] = None,
    format: Annotated[str, _option("csv (default), raven or audacity.")] = "csv",
    output: Annotated[Path | None, _option("File to write to (standard output).")] = None,
):
    """Find the windows of recordings that sound most like an example.

    skal search RECORDINGS --like CALL.wav > hits.csv

    The columns are path, start, end (in s) and similarity, the most similar first. Embeddings
    are kept in RECORDINGS/.skal, where skal label finds them. --like may be given several times.
    """
    if format not in _FORMATS:
        fail(f"skal: --format: no format {format!r}; use {', '.join(_FORMATS)}", 2)
    if format == "audacity" and output is None:
        fail("skal: audacity writes a file for each recording: say --output FOLDER", 2)
    if window <= 0 or (hop is not None and hop <= 0):
        fail("skal: --window and --hop must be positive, in s", 2)
    quiet_tensorflow()
    with _plain_errors(), ctrl_c_is_one_line():
        from skal._utils.files import write_atomically
        from skal.label.search import search_folder, write_hits

        _check_place(output)
        options = {"embedding": embedding, "top": top, "window": window, "hop": hop}
        try:
            hits, broken = search_folder(recordings, like, **options)
        except ValueError as error:
            fail(f"skal: {error}", 2)
        for name, reason in broken:
            _tell(f"set aside {name!r}: {reason}")
        with contextlib.ExitStack() as stack:
            target = sys.stdout.buffer if output is None else output
            if format == "csv" and output is not None:
                target = stack.enter_context(write_atomically(output))
            for problem in write_hits(hits, format, target, root=recordings):
                _tell(f"left out: {problem}")
