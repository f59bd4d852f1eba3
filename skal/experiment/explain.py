"""Tables for people: keys of a parameter file, presets, what a comparison shows."""

import math

from rich.console import Console
from rich.table import Table

from skal.experiment.alframework import PredecessorKeys
from skal.experiment.params import Params
from skal.experiment.presets import preset_names, preset_rows
from skal.experiment.registry import component_names
from skal.experiment.report import findings

__all__ = ["explain_params", "explain_presets", "show_comparison"]


def explain_params(console=None):
    """Print a table of the keys, then the names that may stand in them.

    Parameters
    ----------
    console : rich.console.Console, default=None
        Where; None: standard output.
    """
    console = Console() if console is None else console
    old = set(PredecessorKeys.model_fields)
    ours = {key: field for key, field in Params.model_fields.items() if key not in old}
    theirs = {key: Params.model_fields[key] for key in sorted(old)}
    console.print(_table("Keys", ours))
    console.print(_table("Keys of the predecessor's files, which work too", theirs))
    kinds = ("dataset", "features", "model", "network", "strategy", "stopping")
    for kind in kinds:
        console.print(f"{kind}: {', '.join(component_names(kind))}", highlight=False)
    console.print(f"presets: {', '.join(preset_names())}", highlight=False)


def explain_presets(console=None):
    """Print a table of the presets.

    Parameters
    ----------
    console : rich.console.Console, default=None
        Where; None: standard output.
    """
    console = Console() if console is None else console
    table = Table("preset", "data set", "strategy", title="skal run PRESET", title_justify="left")
    for row in preset_rows():
        table.add_row(*row)
    console.print(table)


def _table(title, fields):
    table = Table("key", "allowed", "default", "meaning", title=title, title_justify="left")
    for key, field in fields.items():
        default = "" if field.default is None else str(field.default)
        table.add_row(key, field.json_schema_extra["allowed"], default, field.description)
    return table


def show_comparison(comparison, console=None):
    """Print what a comparison shows, and where its report is.

    Parameters
    ----------
    comparison : Comparison
        The runs.
    console : rich.console.Console, default=None
        Where; None: standard output.
    """
    console = Console(soft_wrap=True) if console is None else console
    heads = ("strategy", "seeds", "area", "gain", "p (Holm)", "labels to 95 %", "final accuracy")
    table = Table(*heads)
    for row in sorted(comparison.table, key=lambda row: -row["area"]):
        table.add_row(
            row["strategy"],
            str(row["n_seeds"]),
            _number(row, "area", "{:.3f}"),
            _number(row, "gain", "{:+.3f}"),
            "" if math.isnan(row["p_holm"]) else f"{row['p_holm']:.3f}",
            _number(row, "labels_95", "{:.0f}"),
            _number(row, "accuracy", "{:.3f}"),
        )
    console.print(table)
    for line in findings(comparison.table):
        console.print(line, highlight=False, markup=False)
    console.print(f"report: {comparison.folder / 'report.html'}", highlight=False, markup=False)


def _number(row, figure, form):
    return "" if math.isnan(row[figure]) else form.format(row[figure])
