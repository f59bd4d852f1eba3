"""The report of a comparison: one HTML file that needs no other, CSV files and a picture."""

import html
import io
import json
import math

import numpy as np

from skal.experiment.figures import FIGURES
from skal.experiment.folder import RunFolder, describe_environment

__all__ = ["findings", "write_report"]

_LEVEL = 0.05

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; text-align: right; border-bottom: 1px solid #ddd;
         white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; font-weight: 600; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
                                 background: #fff; }
tr.best td { background: #eef6ee; } small { color: #666; display: block; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: .8rem; }
@media print { body { max-width: none; } .wide { overflow: visible; } }
"""

_READING = (
    "Every strategy ran once for each seed; for a seed, all of them started from the same "
    "labels and were tested on the same data, which no choice ever looked at. Below each mean "
    "is its 95 % bootstrap interval over the seeds. The area under the budget curve is the mean "
    "accuracy over the whole range of labels; gain is the difference in area to random, seed by "
    "seed. p is that of Wilcoxon's signed-rank test of the areas against random, corrected for "
    "the number of strategies by Holm's method. Where not all seeds reach a target there is no "
    "mean, which would leave out the slowest of them: how many do is given instead."
)


def write_report(comparison, params, folder):
    """Write what a comparison shows: report.html, table.csv, runs.csv and curves.png.

    Parameters
    ----------
    comparison : Comparison
        The runs.
    params : Params
        Parameters of the runs.
    folder : path-like
        Where.
    """
    folder = RunFolder(folder)
    for name, rows in (("table.csv", comparison.table), ("runs.csv", comparison.runs)):
        folder.write_csv(name, list(rows[0]), [_without_nan(row) for row in rows])
    svg = _draw(comparison, folder)
    folder.write_text("report.html", _page(comparison, params, svg))


def findings(table):
    """Say in sentences what a table shows.

    Parameters
    ----------
    table : list of dict
        From `summarize`.

    Returns
    -------
    list of str
    """
    others = [row for row in table if not math.isnan(row["p_value"])]
    if not others:
        return ["Only random was run: there is nothing to compare it with."]
    best = max(others, key=lambda row: row["gain"])
    better = [r["strategy"] for r in others if r["gain"] > 0 and r["p_holm"] <= _LEVEL]
    worse = [r["strategy"] for r in others if r["gain"] < 0 and r["p_holm"] <= _LEVEL]
    lines = [
        f"The largest area beside random's is that of {best['strategy']}: {best['area']:.3f}, a "
        f"gain of {best['gain']:+.3f} [{best['gain_low']:+.3f}, {best['gain_high']:+.3f}]."
    ]
    if better:
        lines.append(f"Better than random, beyond chance (p ≤ {_LEVEL}): {', '.join(better)}.")
    if worse:
        lines.append(f"Worse than random, beyond chance (p ≤ {_LEVEL}): {', '.join(worse)}.")
    if not better and not worse:
        lines.append("No difference to random is beyond what chance can do.")
    needed = _seeds_needed(len(others))
    n_seeds = min(row["n_seeds"] for row in others)
    if n_seeds < needed:
        lines.append(
            f"With {n_seeds} seeds no difference can be: the test of {len(others)} strategies "
            f"needs at least {needed} seeds for p ≤ {_LEVEL}, however large the difference."
        )
    return lines


def _seeds_needed(n_tests):
    """Return the fewest pairs with which Wilcoxon's test, corrected by Holm, can say anything."""
    return math.ceil(math.log2(2 * n_tests / _LEVEL))


def _draw(comparison, folder):
    """Save the curves as a picture, and return them as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from skal.display import BudgetCurveDisplay

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    BudgetCurveDisplay.from_compare(comparison, ax=figure.subplots())
    with folder.open("curves.png") as file:
        figure.savefig(file, format="png", dpi=120)
    svg = io.StringIO()
    # The hash makes names inside the file the same for the same curves.
    with rc_context({"svg.hashsalt": "skal"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    text = svg.getvalue()
    return text[text.index("<svg") :]


def _page(comparison, params, svg):
    strategies, seeds = len(comparison.table), sorted({run["seed"] for run in comparison.runs})
    dataset = params.sub_dir or (params.dataset.name if params.dataset else "sounds")
    title = f"Which labels pay: {strategies} strategies on {dataset}"
    about = (
        f"{len(seeds)} seeds ({', '.join(map(str, seeds))}), model {params.model.name}, "
        f"{_amount(params.n_initial)} first labels, {_amount(params.n_instances)} a round, "
        f"{_amount(params.budget)} in all."
    )
    full = comparison.full_data_mean()
    if full is not None:
        about += f" With all labels, the model reaches an accuracy of {full:.3f}."
    notes = [
        f"{twin} is byte for byte the same as {first}; the two count as one run."
        for twin, first in comparison.duplicates.items()
    ]
    if not comparison.full_data:
        notes.append("Nothing was trained on all labels, so there are no targets to reach.")
    environment = describe_environment(seeds[0])
    del environment["seed"]
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{html.escape(title)}</h1><p>{html.escape(about)}</p>",
            _list(findings(comparison.table)),
            f"<h2>Accuracy over labels</h2>{svg}",
            f"<h2>Figures</h2>{_html_table(comparison.table)}",
            _list(notes),
            f"<h2>How to read this</h2><p>{html.escape(_READING)}</p>",
            f"<h2>Parameters</h2>{_code(params.as_used())}",
            f"<h2>Environment</h2>{_code(environment)}</body></html>\n",
        ]
    )


def _html_table(table):
    heads = ["strategy", "seeds", "gain over random", "p (Holm)", *FIGURES.values()]
    best = max(row["area"] for row in table)
    lines = ["<tr>" + "".join(f"<th>{html.escape(head)}</th>" for head in heads) + "</tr>"]
    for row in sorted(table, key=lambda row: -row["area"]):
        cells = [html.escape(row["strategy"]), str(row["n_seeds"]), _cell(row, "gain")]
        cells.append("&mdash;" if math.isnan(row["p_holm"]) else f"{row['p_holm']:.3f}")
        cells += [_cell(row, figure) for figure in FIGURES]
        mark = ' class="best"' if row["area"] == best else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _cell(row, figure):
    """Return mean, interval and, where some seeds have no value, how many do."""
    n_known, n_seeds = row[f"{figure}_n"], row["n_seeds"]
    if math.isnan(row[figure]):
        reached = f"<small>{n_known} of {n_seeds} seeds</small>" if n_known else ""
        return f"&mdash;{reached}"
    form = _form(figure)
    text = form(row[figure])
    interval = (row[f"{figure}_low"], row[f"{figure}_high"])
    if not any(map(math.isnan, interval)):
        text += f"<small>{form(interval[0])} to {form(interval[1])}</small>"
    return text


def _form(figure):
    if figure.startswith("saving"):
        return lambda value: f"{100 * value:.0f} %"
    if figure.startswith("labels"):
        return lambda value: f"{value:.0f}"
    if figure == "gain":
        return lambda value: f"{value:+.3f}"
    return lambda value: f"{value:.2f}" if figure.startswith("seconds") else f"{value:.3f}"


def _amount(value):
    if value is None:
        return "all"
    return str(value) if isinstance(value, int) else f"{100 * value:g} %"


def _list(lines):
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _code(value):
    return f"<pre>{html.escape(json.dumps(value, indent=1))}</pre>"


def _without_nan(row):
    return {
        key: "" if isinstance(value, (float, np.floating)) and math.isnan(value) else value
        for key, value in row.items()
    }
