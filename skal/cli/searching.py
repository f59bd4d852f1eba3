"""The command ``skal search``: search by example."""

from pathlib import Path
from typing import Annotated

import typer

from skal.cli.app import app, fail, one_line_interrupt, quiet_tensorflow
from skal.cli.common import check_place, option, output_stream, plain_errors, tell

__all__ = ["search"]

_FORMATS = ("csv", "raven", "audacity")


@app.command()
def search(
    recordings: Annotated[Path, typer.Argument(help="Folder of the recordings.")],
    like: Annotated[list[str], option("Recording of the sound, or FILE#t=START,END.")],
    top: Annotated[int, option("Windows to print (50).", min=1)] = 50,
    embedding: Annotated[
        str, option("Pretrained network: birdnet (default), NAME=WEIGHTS, or a model file.")
    ] = "birdnet",
    window: Annotated[float, option("Length of the windows, in s (3).")] = 3.0,
    hop: Annotated[float | None, option("Distance between their starts, in s.")] = None,
    format: Annotated[str, option("csv (default), raven or audacity.")] = "csv",
    output: Annotated[Path | None, option("File to write to (standard output).")] = None,
):
    """Find the windows of recordings that sound most like an example.

    skal search RECORDINGS --like CALL.wav > hits.csv

    The columns are path, start, end (in s) and similarity, the most similar first. Embeddings are
    stored in RECORDINGS/.skal, where skal label also uses them. --like may be given several times.
    """
    if format not in _FORMATS:
        fail(f"skal: --format: no format {format!r}; use {', '.join(_FORMATS)}", 2)
    if format == "audacity" and output is None:
        fail("skal: audacity writes a file for each recording: use --output FOLDER", 2)
    if window <= 0 or (hop is not None and hop <= 0):
        fail("skal: --window and --hop must be positive, in s", 2)
    quiet_tensorflow()
    with plain_errors(), one_line_interrupt():
        from skal.label.folder_search import search_folder, write_hits

        check_place(output)
        options = {"embedding": embedding, "top": top, "window": window, "hop": hop}
        try:
            hits, broken = search_folder(recordings, like, **options, progress=_tell_progress)
        except ValueError as error:
            fail(f"skal: {error}", 2)
        for name, reason in broken:
            tell(f"set aside {name!r}: {reason}")
        is_stream = format == "csv" or output is None
        with output_stream(output if is_stream else None) as stream:
            target = stream if is_stream else output
            for problem in write_hits(hits, format, target, root=recordings):
                tell(f"left out: {problem}")


def _tell_progress(n_done, n_windows, n_broken):
    tell(f"{n_done} of {n_windows} windows have embeddings")
