"""The report of a comparison: a self-contained HTML file, CSV files, and plots."""

import html
import io
import json
import math

import numpy as np

from skal.experiment.comparing.statistics import FIGURES, LEVEL, seeds_needed
from skal.experiment.params.parameters import dataset_name
from skal.experiment.runs.run_folder import RunFolder, describe_environment

__all__ = ["findings", "noise", "write_report"]

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
    "Every strategy ran once for each seed. For each seed, all strategies started from the same "
    "labels and were tested on the same data, which no strategy saw. Below each mean "
    "is its 95% bootstrap interval over the seeds. The area under the budget curve is the mean "
    "accuracy over the whole range of labels; gain is the difference in area from random, paired "
    "by seed. p is that of Wilcoxon's signed-rank test of the areas against random, corrected for "
    "the number of strategies by Holm's method. If some seeds do not reach a target, a mean over "
    "the others would leave out the slowest. Instead, a lower bound of the mean is shown (≥). It "
    "counts those seeds with all labels that they used. The number of seeds that reached the "
    "target is in parentheses. The rarest class is the one with the fewest rows in the test data; "
    "its recall is the share of them that the model finds."
)


# Two tables, because one with all columns does not fit in 1100 pixels.
_HEADS = FIGURES | {"n_seeds": "seeds", "gain": "gain over random", "p_holm": "p (Holm)"}
_MAIN = ("n_seeds", "gain", "p_holm", "area", "accuracy", "labels_95", "labels_99")
_MORE = ("recall_rarest", "saving_95", "saving_99", "seconds_query", "seconds_fit")


def write_report(comparison, params):
    """Write report.html, table.csv, runs.csv and the plots into a comparison's folder."""
    folder = RunFolder(comparison.folder)
    for name, rows in (("table.csv", comparison.table), ("runs.csv", comparison.runs)):
        folder.write_csv(name, list(rows[0]), [_without_nan(row) for row in rows])
    svgs = {"Accuracy against labels": _draw(comparison, "accuracy", folder, "curves.png")}
    if not math.isnan(comparison.table[0]["recall_rarest"]):
        title = "Recall of the rarest class against labels"
        svgs[title] = _draw(comparison, "recall_rarest", folder, "rarest.png")
    folder.write_text("report.html", _page(comparison, params, svgs))


def findings(table):
    """Describe a table from `summarize` in sentences."""
    others = [row for row in table if not math.isnan(row["p_value"])]
    if not others:
        return ["Only random ran: there is nothing to compare it with."]
    best = max(others, key=lambda row: row["gain"])
    better = [r["strategy"] for r in others if r["gain"] > 0 and r["p_holm"] <= LEVEL]
    worse = [r["strategy"] for r in others if r["gain"] < 0 and r["p_holm"] <= LEVEL]
    line = (
        f"Apart from random, {best['strategy']} has the largest area: {best['area']:.3f}, which "
        f"is {abs(best['gain']):.3f} {'above' if best['gain'] >= 0 else 'below'} random's"
    )
    if not math.isnan(best["gain_low"]):
        line += f" (95% interval {best['gain_low']:+.3f} to {best['gain_high']:+.3f})"
    lines = [f"{line}."]
    if better:
        lines.append(f"Significantly better than random (p ≤ {LEVEL}): {', '.join(better)}.")
    if worse:
        lines.append(f"Significantly worse than random (p ≤ {LEVEL}): {', '.join(worse)}.")
    if not better and not worse:
        lines.append("No strategy differs significantly from random.")
    needed = seeds_needed(len(others))
    n_seeds = min(row["n_seeds"] for row in others)
    if n_seeds < needed:
        lines.append(
            f"With {n_seeds} seed{'s' * (n_seeds > 1)} no difference can be significant: testing "
            f"{len(others)} against random needs at least {needed} seeds for p ≤ {LEVEL}, "
            "however large the difference."
        )
    return lines


def noise(comparison):
    """Return a line about the noise of training and of seeds."""
    if math.isnan(comparison.training_noise):
        return []
    line = (
        "Training noise: with all labels, the same rows and other training seeds, the accuracy "
        f"has a standard deviation of {comparison.training_noise:.4f}."
    )
    if not math.isnan(comparison.seed_noise):
        line += (
            " Noise of seeds: with labels drawn again for each seed, random's final accuracy has "
            f"a standard deviation of {comparison.seed_noise:.4f}."
        )
    return [line]


def _draw(comparison, metric, folder, name):
    """Save the curves of a metric as PNG, and return them as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from skal.display import BudgetCurveDisplay

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    BudgetCurveDisplay.from_compare(comparison, metric=metric, ax=figure.subplots())
    with folder.open(name) as file:
        figure.savefig(file, format="png", dpi=120)
    svg = io.StringIO()
    # A fixed salt makes the file reproducible: ids inside it depend on the salt.
    with rc_context({"svg.hashsalt": "skal"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    text = svg.getvalue()
    return text[text.index("<svg") :]


def _page(comparison, params, svgs):
    strategies, seeds = len(comparison.table), sorted({run["seed"] for run in comparison.runs})
    task = params.sub_dir or dataset_name(params)[0]
    title = f"Which labels are worth it: {strategies} strategies on {task}"
    spent = sorted({int(run["labels"]) for run in comparison.runs})
    about = (
        f"{len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'} ({', '.join(map(str, seeds))}), "
        f"model {params.model.name}, "
        f"{_amount(params.n_initial)} first labels, {_amount(params.n_instances)} per round, "
        f"{' to '.join(str(n) for n in dict.fromkeys((spent[0], spent[-1])))} in the end "
        f"(budget: {_amount(params.budget)})."
    )
    full = comparison.full_data_mean()
    if full is not None:
        about += f" With all labels, the model reaches an accuracy of {full:.3f}."
    notes = [
        f"{twin} is identical to {first}; they count as one run."
        for twin, first in comparison.duplicates.items()
    ]
    if not comparison.full_data:
        notes.append("No model was trained on all labels, so there are no targets.")
    used = params.as_used()
    del used["strategy"]  # differs between runs
    environment = describe_environment(seeds[0])
    del environment["seed"]
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{html.escape(title)}</h1><p>{html.escape(about)}</p>",
            _list([*findings(comparison.table), *noise(comparison)]),
            *(f"<h2>{html.escape(head)}</h2>{svg}" for head, svg in svgs.items()),
            f"<h2>Accuracy and labels</h2>{_html_table(comparison.table, _MAIN)}",
            f"<h2>Rare sounds, savings and time</h2>{_html_table(comparison.table, _MORE)}",
            _list(notes),
            f"<h2>How to read this</h2><p>{html.escape(_READING)}</p>",
            f"<h2>Parameters</h2>{_code(used)}",
            f"<h2>Environment</h2>{_code(environment)}</body></html>\n",
        ]
    )


def _html_table(table, figures):
    heads = ["strategy", *(_HEADS[figure] for figure in figures)]
    best = max(row["area"] for row in table)
    lines = ["<tr>" + "".join(f"<th>{html.escape(head)}</th>" for head in heads) + "</tr>"]
    for row in sorted(table, key=lambda row: -row["area"]):
        cells = [html.escape(row["strategy"]), *(_cell(row, figure) for figure in figures)]
        mark = ' class="best"' if row["area"] == best else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _cell(row, figure):
    """Return mean and interval, or a bound and a count if some seeds have no value."""
    form, n_known = _form(figure), row.get(f"{figure}_n")
    if math.isnan(row[figure]):
        bound = row.get(f"{figure}_at_least", math.nan)
        text = "&mdash;" if math.isnan(bound) else f"&ge; {form(bound)}"
        known = n_known or not math.isnan(bound)
        return text + (f"<small>{n_known} of {row['n_seeds']} seeds</small>" if known else "")
    text = form(row[figure])
    interval = [row.get(f"{figure}_{end}", math.nan) for end in ("low", "high")]
    if not any(map(math.isnan, interval)):
        text += f"<small>{form(interval[0])} to {form(interval[1])}</small>"
    return text


def _form(figure):
    if figure.startswith("saving"):
        return lambda value: f"{100 * value:.0f}%"
    if figure == "n_seeds":
        return str
    if figure.startswith("labels"):
        return lambda value: f"{value:.0f}"
    if figure == "gain":
        return lambda value: f"{value:+.3f}"
    return lambda value: f"{value:.2f}" if figure.startswith("seconds") else f"{value:.3f}"


def _amount(value):
    if value is None:
        return "all"
    return str(value) if isinstance(value, int) else f"{100 * value:g}%"


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
