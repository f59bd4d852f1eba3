"""Printed tables: parameter keys, presets, and comparisons."""

import math

from rich.console import Console
from rich.table import Column, Table

from skal.experiment.comparing.report import findings, noise
from skal.experiment.params.alframework import OldKeys
from skal.experiment.params.parameters import Params
from skal.experiment.params.presets import preset_names, preset_rows
from skal.experiment.registry import component_names

__all__ = ["explain_params", "explain_presets", "file_schema", "show_comparison"]


def explain_params():
    """Print a table of the keys and the names that they allow."""
    console = Console()
    console.print(_table("Keys", Params.model_fields))
    console.print(_table("Keys of ALFramework's files, which also work", OldKeys.model_fields))
    for kind in ("dataset", "features", "model", "network", "strategy", "stopping"):
        console.print(f"{kind}: {', '.join(component_names(kind))}", highlight=False)
    console.print(f"presets: {', '.join(preset_names())}", highlight=False)


def explain_presets():
    """Print a table of the presets."""
    table = Table("preset", "data set", "strategy", title="skal run PRESET", title_justify="left")
    for row in preset_rows():
        table.add_row(*row)
    Console().print(table)


def file_schema():
    """Return the JSON schema of a parameter file, including ALFramework's keys."""
    schema, old = Params.model_json_schema(), OldKeys.model_json_schema()
    return schema | {"properties": schema["properties"] | old["properties"]}


def _table(title, fields):
    table = Table("key", "allowed", "default", "meaning", title=title, title_justify="left")
    for key, field in fields.items():
        default = "" if field.default is None else str(field.default)
        table.add_row(key, field.json_schema_extra["allowed"], default, field.description)
    return table


def show_comparison(comparison):
    """Print the table of a comparison and the path of its report."""
    console = Console(soft_wrap=True)
    heads = ("seeds", "area", "gain", "p (Holm)", "labels to 95%", "final accuracy")
    table = Table(Column("strategy", overflow="fold"), *heads)
    for row in sorted(comparison.table, key=lambda row: -row["area"]):
        table.add_row(
            row["strategy"],
            str(row["n_seeds"]),
            _number(row["area"], "{:.3f}"),
            _number(row["gain"], "{:+.3f}"),
            _number(row["p_holm"], "{:.3f}"),
            _number(row["labels_95"], "{:.0f}")
            or _number(
                row["labels_95_at_least"], f"≥ {{:.0f}} ({row['labels_95_n']}/{row['n_seeds']})"
            ),
            _number(row["accuracy"], "{:.3f}"),
        )
    console.print(table)
    for line in [*findings(comparison.table), *noise(comparison)]:
        console.print(line, highlight=False, markup=False)
    console.print(f"report: {comparison.folder / 'report.html'}", highlight=False, markup=False)


def _number(value, form):
    return "" if math.isnan(value) else form.format(value)
