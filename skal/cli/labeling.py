"""Commands of labeling: ``skal label`` and ``skal predict``."""

import contextlib
import getpass
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from skal._utils.hints import did_you_mean, name_allowed
from skal.cli.app import app, fail, one_line_interrupt, quiet_tensorflow
from skal.cli.common import (
    check_place,
    exit_on_closed_pipe,
    option,
    output_stream,
    plain_errors,
    tell,
)
from skal.cli.labeling_messages import (
    compare_windows,
    tell_hearing,
    tell_of_clips,
    tell_of_others,
    tell_of_pickles,
)
from skal.label.formats import FORMATS, export_labels, read_labels

__all__ = ["classes", "label", "predict"]

_IMPORTS = ", ".join(kind.title for kind in FORMATS.values() if kind.read is not None)
_IMPORTS += ", tables of Raven, BirdNET, Kaleidoscope and crowsetta, Audacity's label tracks"

_STOPPED = "stopped; all answers are saved, run the same command to continue"


@app.command()
def label(
    recordings: Annotated[str, typer.Argument(help="Folder of the recordings.")],
    classes: Annotated[str, option("Classes, separated by commas: dog,siren,drill.")] = "",
    nothing: Annotated[
        str | None, option("Class for clips without any sound of interest.")
    ] = None,
    project: Annotated[
        Path | None, option("Folder of the project (.skal in the recordings).")
    ] = None,
    store: Annotated[str | None, option("Address of a team's database (see the guide).")] = None,
    port: Annotated[int, option("Port of the page (a free one).")] = 0,
    host: Annotated[
        str, option("Address of the page; people on other machines need a token.")
    ] = "127.0.0.1",
    token: Annotated[str | None, option("Token for other machines (random).")] = None,
    no_browser: Annotated[bool, option("Do not open a browser.", "--no-browser")] = False,
    terminal: Annotated[
        bool, option("Label in this terminal instead of a browser.", "--terminal")
    ] = False,
    name: Annotated[
        list[str] | None, option("Public name of the page behind a proxy; repeat for several.")
    ] = None,
    person: Annotated[
        str | None,
        option("Your name (your login name; with --host or --name the page asks)."),
    ] = None,
    embedding: Annotated[
        str | None,
        option("Pretrained network: birdnet, NAME=WEIGHTS, or a model file; see the guide."),
    ] = None,
    strategy: Annotated[str | None, option("Strategy, such as margin.")] = None,
    per_round: Annotated[int | None, option("New labels for each training (10).")] = None,
    audit_share: Annotated[
        float | None, option("Share of questions drawn at random to estimate the accuracy (0.1).")
    ] = None,
    shared_share: Annotated[
        float | None, option("Share of clips that a second person is asked about (0).")
    ] = None,
    show_guess: Annotated[
        bool | None,
        option("Show the model's prediction before the answer.", "--show-guess/--hide-guess"),
    ] = None,
    window: Annotated[float | None, option("Ask about windows of this length, in s.")] = None,
    hop: Annotated[float | None, option("Distance between the starts of windows, in s.")] = None,
    sr: Annotated[
        float | None, option("Sampling rate of the model, in Hz (that of the recordings).")
    ] = None,
    fmin: Annotated[float | None, option("Lowest frequency of the model, in Hz (0).")] = None,
    fmax: Annotated[
        float | None, option("Highest frequency of the model, in Hz (half the rate).")
    ] = None,
    duration: Annotated[
        float | None,
        option("Seconds of a clip that the model uses (the clips' length, at most 10)."),
    ] = None,
    import_file: Annotated[
        Path | None, option(f"Import labels from a file: {_IMPORTS}.", "--import")
    ] = None,
    replace: Annotated[
        bool, option("Replace answers that differ from imported labels.", "--replace")
    ] = False,
    export: Annotated[
        str | None,
        option(f"Write the labels and exit: {', '.join(FORMATS)}."),
    ] = None,
    output: Annotated[
        Path | None, option("File to write to, or folder for a format with many files.")
    ] = None,
):
    """Label a folder of recordings; a model learns and chooses what to ask next.

    One label per clip: each recording, or each window with --window, gets one class.

    skal label RECORDINGS --classes dog,siren,drill

    opens a page in the browser. Ctrl-C stops it; the same command continues,
    with or without --classes. Everything is stored in RECORDINGS/.skal.

    skal label RECORDINGS --export csv > labels.csv

    writes the labels. The models for skal predict are in
    RECORDINGS/.skal/models.

    Models contain Python pickles, which run code when opened: continue only projects that you
    trust.
    """
    with plain_errors():
        from skal.label.project import LabelingProject

        _check_export(export, output)
        _check_token(token)
        if replace and import_file is None:
            fail("skal: --replace needs --import", 2)
        options = {"n_instances": per_round, "audit_share": audit_share, "window": window}
        options |= {"shared_share": shared_share, "show_guess": show_guess, "hop": hop}
        heard = {"sr": sr, "fmin": fmin, "fmax": fmax, "duration": duration}
        heard = {name: value for name, value in heard.items() if value is not None}
        names = [name.strip() for name in classes.split(",") if name.strip()]
        _check_names(names, LabelingProject(recordings, folder=project, store=store))
        opened = LabelingProject(
            recordings,
            names,
            folder=project,
            store=store,
            nothing=nothing,
            embedding=_embedding(embedding),
            strategy=_strategy(strategy),
            hearing=heard or None,
            **options,
        )
        if export is not None and store is None and not opened.folder.is_dir() and not names:
            fail(f"skal: no project in {str(opened.folder)!r}: there is nothing to export", 2)
        if export is None:
            tell_of_pickles(opened)
        with opened:
            if export is None:
                tell_of_others(recordings)
            for note in opened.class_notes:
                tell(note)
            if import_file is not None:
                _import(opened, import_file, replace)
            if export is not None:
                _export(opened, export, output)
                return
            tell_of_clips(opened)
            if embedding is None:
                _check_remembered(opened)
            tell_hearing(opened)
            if terminal:
                _label_here(opened, person)
            else:
                served = {"host": host, "port": port, "token": token, "person": person}
                served["hosts"] = name or ()
                _serve(opened, no_browser, **served)


def _strategy(name):
    if name is None:
        return None
    from skal.experiment.registry import build

    return build("strategy", name, {})


def _check_names(names, project):
    """Reject a name that looks like several names, unless the project has this class."""
    from skal.label.asking.classes import several_names

    doubtful = [name for name in names if several_names(name)]
    if doubtful and (project.given_store or project.folder.is_dir()):
        with project.open(scan=False):
            known = {info.name for info in project.classes}
        doubtful = [name for name in doubtful if name not in known]
    if doubtful:
        meant = ",".join(several_names(doubtful[0]))
        fail(
            f"skal: --classes: is {doubtful[0]!r} one class? Separate classes by commas: {meant}. "
            f"To add one class of this name: skal classes RECORDINGS --add {doubtful[0]!r}",
            2,
        )


def _embedding(text):
    """Return the embedding, checked before the page opens."""
    if text is None:
        return None
    from skal.audio.embedding.spec import as_embedding, parse_embedding

    with _wrong_embedding():
        given = parse_embedding(text)
        _try(as_embedding(given))
    return given


def _check_remembered(project):
    """Check the embedding that a project was begun with; its file may be gone."""
    from skal.label.learning.defaults import embedding_of

    with _wrong_embedding():
        embedding = embedding_of(project)
        if embedding is not None:
            _try(embedding)


def _try(embedding):
    """Open a network and run it, which says what is wrong with it."""
    quiet_tensorflow()
    if embedding.pool is None:
        raise ValueError(
            "pool=null gives a row for each window, not for each clip: leave it out, or use mean, "
            "max or mean_max"
        )
    embedding.feature_shape()


@contextlib.contextmanager
def _wrong_embedding():
    try:
        yield
    except (ImportError, OSError, TypeError, ValueError) as error:
        fail(f"skal: --embedding: {error}", 2)


def _import(project, path, replace):
    rows = read_labels(path)
    known = [former.name for former in project.former_classes if former.became]
    known += [info.name for info in project.classes]
    unknown = sorted({row.label for row in rows} - set(known))
    if unknown:
        hint = did_you_mean(unknown[0], known)
        hint = f"{hint} Else add it" if hint else "add it"
        named = ", ".join(map(repr, unknown[:10])) + (", ..." if len(unknown) > 10 else "")
        fail(f"skal: {path}: unknown class {named}; {hint} with --classes. Nothing is imported", 2)
    report = project.import_labels(rows, replace=replace)
    tell(f"{report.n_added} of {len(rows)} labels of {path} imported")
    if report.n_replaced:
        tell(f"{report.n_replaced} of them replace answers, which stay on record")
    for left in rows.left_out:
        tell(f"not taken: {path}, {left}")
    if report.n_known:
        tell(f"{report.n_known} labels were already in the project")
    for name, found in report.by_name:
        tell(f"{name} was found by its name alone: {found}")
    for left in report.not_taken:
        tell(f"not taken: {left}")


def _check_token(token):
    from skal.label.web.server import check_token

    try:
        check_token(token)
    except ValueError as error:
        fail(f"skal: --token: {error}", 2)


def _check_export(format, output):
    if format is None and output is not None:
        fail("skal: --output needs --export", 2)
    if format is not None and format not in FORMATS:
        fail(f"skal: --export: no format {format!r}; {name_allowed(format, FORMATS)}", 2)
    is_folder = format is not None and FORMATS[format].write_folder is not None
    if is_folder and output is None:
        fail(f"skal: {format} writes a file for each recording: use --output FOLDER", 2)
    if not is_folder:
        check_place(output)


def _export(project, format, output):
    target = sys.stdout.buffer if output is None else output
    with exit_on_closed_pipe():
        problems = export_labels(project.labels(), format, target, root=project.root)
    for problem in problems:
        tell(f"left out: {problem}")


def _label_here(project, person):
    from skal.label.terminal import label_in_terminal

    try:
        label_in_terminal(project, person or getpass.getuser(), train=True)
    except KeyboardInterrupt:
        tell(_STOPPED)


def _serve(project, no_browser, **options):
    from skal.label.web.server import serve

    def on_ready(address):
        print(f"Label at {address}   (Ctrl-C stops; every answer is saved at once)", flush=True)
        if options["hosts"] and options["token"] is None:
            tell(
                "everyone whom the proxy admits may label: let the proxy check passwords, or "
                "use --token"
            )
        if not no_browser:
            _open_browser(address)

    # uvicorn raises KeyboardInterrupt at the end, except if the shell made this job ignore Ctrl-C.
    with contextlib.suppress(KeyboardInterrupt):
        serve(project, on_ready=on_ready, **options)
    tell(_STOPPED)


def _open_browser(address):
    # Without a display, webbrowser would start a text browser in this terminal.
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        return
    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()


@app.command()
def classes(
    recordings: Annotated[str, typer.Argument(help="Folder of the recordings.")],
    project: Annotated[
        Path | None, option("Folder of the project (.skal in the recordings).")
    ] = None,
    store: Annotated[
        str | None, option("Database of a team: postgresql+psycopg://USER@HOST/NAME.")
    ] = None,
    add: Annotated[list[str] | None, option("Add a class.")] = None,
    rename: Annotated[list[str] | None, option("Rename a class: --rename OLD=NEW.")] = None,
    merge: Annotated[
        list[str] | None, option("Count a class as another: --merge CLASS=OTHER.")
    ] = None,
    retire: Annotated[
        list[str] | None, option("Stop offering a class; ask about its clips again.")
    ] = None,
    restore: Annotated[
        list[str] | None, option("Bring a retired or merged class back, with its answers.")
    ] = None,
    nothing: Annotated[
        str | None, option("Mark a class as the one for clips without a sound of interest.")
    ] = None,
):
    """List the classes of a project, or change them with their answers.

    skal classes RECORDINGS --rename dgo=dog --merge car=vehicle --retire noise

    Every answer stays on record as it was given. Options can be repeated and are applied in the
    order below.
    """
    with plain_errors():
        from skal.label.project import LabelingProject

        opened = LabelingProject(recordings, folder=project, store=store)
        if store is None and not opened.folder.is_dir():
            fail(f"skal: no project in {str(opened.folder)!r}: create one with skal label", 2)
        pairs = [_pair("--rename", text) for text in rename or ()]
        merged = [_pair("--merge", text) for text in merge or ()]
        with opened.open(scan=False):
            for name in add or ():
                opened.add_class(name)
            for old, new in pairs:
                opened.rename_class(old, new)
                tell(f"{old!r} is now {new!r}, with its answers")
            for old, new in merged:
                n_clips = opened.merge_class(old, new)
                tell(f"{old!r} is now {new!r}: {_clips(n_clips)}")
            for name in retire or ():
                n_clips = opened.retire_class(name)
                tell(f"{name!r} is retired: {_clips(n_clips)} will be asked about again")
            for name in restore or ():
                opened.restore_class(name)
                tell(f"{name!r} is back, with its answers")
            if nothing is not None:
                opened.mark_nothing(nothing)
            _list_classes(opened)


def _pair(option, text):
    old, equals, new = (part.strip() for part in text.partition("="))
    if not (old and equals and new):
        fail(f"skal: {option}: give two names, {option} OLD=NEW, not {text!r}", 2)
    return old, new


def _clips(n):
    return f"{n} clip" if n == 1 else f"{n} clips"


def _list_classes(project):
    counts = project.progress().per_class
    for info in project.classes:
        meaning = "   (nothing of interest)" if info.nothing else ""
        print(f"{info.key or '-'}  {counts[info.name]:6}  {info.name}{meaning}")
    for former in project.former_classes:
        tell(str(former))


@app.command()
def predict(
    model: Annotated[
        Path,
        typer.Argument(
            help="A saved model, a run folder of skal run, or a project folder of skal label."
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="Folder of the recordings.")],
    window: Annotated[
        float | None, option("Predict windows of this length, in s (default: the model's).")
    ] = None,
    hop: Annotated[float | None, option("Distance between the starts of windows, in s.")] = None,
    threshold: Annotated[
        str | None,
        option(
            'Below this probability a clip is "none of these"; a number, or a table of '
            "label,threshold."
        ),
    ] = None,
    nothing: Annotated[
        str | None, option("Class for clips without any sound of interest (as in the project).")
    ] = None,
    count_nothing: Annotated[
        bool,
        option('Print the name of the --nothing class, not "none of these".', "--count-nothing"),
    ] = False,
    block: Annotated[int, option("Clips in memory at a time (256).", min=1)] = 256,
    output: Annotated[Path | None, option("File to write to (standard output).")] = None,
):
    """Predict the classes of recordings with a saved model, as a CSV table.

    skal predict MODEL FOLDER > predictions.csv

    The columns are path, label, probability, one column per class, and problem, which says why a
    recording could not be read. The model of a project with windows predicts windows of that
    length, with columns start and end.

    A model file contains a Python pickle: opening it runs the code in it.
    Name only models that you trust. Of a run or project folder, only the
    newest model is opened.
    """
    quiet_tensorflow()
    if (
        (window is None and hop is not None)
        or min(window or 1, hop or 1) <= 0
        or 0 in (window, hop)
    ):
        fail("skal: --window and --hop must be positive, in s, and --hop needs --window", 2)
    with plain_errors(), one_line_interrupt():
        from skal._utils.files.saved_models import ModelError, find_model
        from skal._utils.sound.folders import existing_folder
        from skal.recognizer import Recognizer, write_predictions
        from skal.recognizer.thresholds import read_thresholds

        options: dict[str, object] = {
            "window": window,
            "hop": hop,
            "block": block,
            "count_nothing": count_nothing,
        }
        options["on_broken"] = lambda name, reason: tell(f"set aside {name!r}: {reason}")
        if threshold is not None:
            options["threshold"] = read_thresholds(threshold)
        existing_folder(folder)  # check before loading the model, which may take seconds
        check_place(output)
        file = find_model(model)
        if file.exists():
            tell(f"{file} contains a Python pickle, which runs code when opened: trust its source")
        recognizer = Recognizer.load(file)
        if nothing is not None:
            if nothing not in map(str, recognizer.classes_):
                known = ", ".join(map(str, recognizer.classes_))
                raise ModelError(f"--nothing: the model has no class {nothing!r}; it has {known}")
            recognizer.nothing = nothing
        compare_windows(recognizer, window)
        tell_of_others(folder)
        with output_stream(output) as stream:
            report = write_predictions(recognizer, folder, stream, **options)
        none = f', {report.n_none} are "none of these"' if report.n_none else ""
        tell(f"{report.n_clips} clips, {report.n_broken} of them unreadable{none}")
    if report.n_broken == report.n_clips:
        raise typer.Exit(1)
