"""A table of the keys of a parameter file, for people."""

from rich.console import Console
from rich.table import Table

from skal.experiment.catalog import preset_names, preset_rows
from skal.experiment.components import component_names
from skal.experiment.params import Params
from skal.experiment.predecessor import PredecessorKeys

__all__ = ["explain_params", "explain_presets"]


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
