"""Records of a run: rounds, queries in order, plot, and model."""

import math

import numpy as np
from sklearn.metrics import accuracy_score

from skal._utils.files.checksummed import checksum_of, read_checksummed, write_checksummed
from skal._utils.files.saved_models import MODEL_FILE, check_model
from skal.campaign.checkpoint import last_round
from skal.experiment.runs.progress import round_line
from skal.metrics import area_under_budget_curve, budget_curve
from skal.recognizer import Recognizer

__all__ = ["STATS_COLUMNS", "Recorder"]

STATS_COLUMNS = [
    "round",
    "num_new_labeled",
    "num_pseudo_labeled",
    "num_total_labeled",
    "eval_acc",
    "eval_pre",
    "eval_recall",
    "eval_f1",
    "pseudo_acc",
]
HELD_OUT_COLUMNS = ["part", "position", "file", "label"]
QUERY_COLUMNS = ["round", "position", "file", "label", "score"]

# A file next to the checkpoint: the campaign knows nothing about validation data.
_VALID_FILE, _VALID_FORMAT = "valid.skal", 1

# Keys of ``history_``, and their columns in stats.csv.
_COLUMNS = {
    "round": "round",
    "n_new_labeled": "num_new_labeled",
    "n_pseudo_labeled": "num_pseudo_labeled",
    "n_labeled": "num_total_labeled",
    "eval_accuracy": "eval_acc",
    "eval_precision": "eval_pre",
    "eval_recall": "eval_recall",
    "eval_f1": "eval_f1",
    "pseudo_accuracy": "pseudo_acc",
}


def _stats_row(record):
    """Return the row of stats.csv for an entry of a campaign's ``history_``."""
    # ALFramework's columns come first, then all other numbers and texts of the record; undefined
    # values are empty.
    row = {"num_pseudo_labeled": 0}
    for key, value in record.items():
        if isinstance(value, (int, float, str, np.number)) and not isinstance(value, bool):
            undefined = isinstance(value, (float, np.floating)) and math.isnan(value)
            row[_COLUMNS.get(key, key)] = "" if undefined else value
    return row


def _query_rows(record, data, train):
    """Yield the rows of queries.csv for a round, in the order asked."""
    # ``position`` refers to the data set as loaded; `train` has the rows of `data` in the
    # campaign's pool.
    for index, score in zip(record["indices"], record["scores"], strict=True):
        yield {
            "round": record["round"],
            **_clip(data, train[index]),
            "score": "" if np.isnan(score) else float(score),
        }


def _clip(data, row):
    return {"position": int(data.positions[row]), "file": data.files[row], "label": data.y[row]}


class Recorder:
    """Records every round when it ends; called with its ``history_`` entry."""

    # Files are rewritten from the campaign's whole history, so that a kill at any time neither
    # loses nor repeats a row.

    def __init__(self, folder, plan, campaign, reporter):
        self.folder = folder
        self.plan = plan
        self.campaign = campaign
        self.reporter = reporter
        self.valid = plan.rows(plan.split.valid) if len(plan.split.valid) else None
        self._valid_scores = {}
        self._saved = None  # checksum of the best model so far

    def catch_up(self):
        """Read the files of an interrupted run, before the campaign continues."""
        last = last_round(self.campaign.checkpoint)
        if last is None:
            if (self.folder.path / "stats.csv").exists():
                self.reporter.line(
                    f"{self.campaign.checkpoint} has no campaign: the run starts again from its "
                    "first labels"
                )
            return
        record, model = last
        self.reporter.line(f"resumes after round {record['round']}, {record['n_labeled']} labels")
        self.reporter.advance(record["n_labeled"])
        if self.valid is None:
            return
        if record["round"] > 0 or self._valid_path.exists():
            kept = read_checksummed(self._valid_path, "valid", _VALID_FORMAT).values
            self._valid_scores, self._saved = dict(kept["scores"]), kept["model"]
        # The run may have stopped between saving the campaign and scoring its round.
        if record["round"] not in self._valid_scores:
            self._validate(record["round"], model)
        if self._saved is not None:
            check_model(self.folder.path / MODEL_FILE, self._saved)

    def __call__(self, record):
        """Record a round."""
        if self.valid is not None:
            self._validate(record["round"], self.campaign.estimator_)
        self._write_rounds()
        self.reporter.line(round_line(record))
        self.reporter.advance(record["n_labeled"])

    def finish(self, full_data, full_data_again=None):
        """Write the model, the held-out clips, the plot, and the summary."""
        history = self.campaign.history_
        self._write_rounds()
        if self.valid is None:
            saved_round = history[-1]["round"]
            self._save_model(self.campaign.estimator_)
        else:
            saved_round = self._best_round()
        self._explain_model(saved_round)
        n_labels, accuracy = budget_curve(history)
        self._list_held_out()
        self._draw(full_data)
        self.folder.write_json(
            "summary.json",
            {
                "stop_reason": self.campaign.stop_reason_,
                "rounds": len(history) - 1,
                "labels": int(n_labels[-1]),
                "accuracy": accuracy[-1],
                "area_under_budget_curve": area_under_budget_curve(n_labels, accuracy),
                "full_data": full_data,
                "full_data_again": full_data_again,
                "model_of_round": saved_round,
                "seconds_query": sum(entry["seconds_query"] for entry in history),
                "seconds_fit": sum(entry["seconds_fit"] for entry in history),
            },
        )

    def _list_held_out(self):
        data, split = self.plan.data, self.plan.split
        rows = [
            {"part": part, **_clip(data, row)}
            for part, rows in (("valid", split.valid), ("test", split.test))
            for row in rows
        ]
        self.folder.write_csv("held_out.csv", HELD_OUT_COLUMNS, rows)

    def _write_rounds(self):
        history = self.campaign.history_
        rows = [_stats_row(entry) for entry in history]
        for row in rows:
            if self.plan.params.pseudo_labels is not None:
                row["decay_rate"] = self.campaign.pseudo_labels.decay
            if row["round"] in self._valid_scores:
                row["valid_acc"] = self._valid_scores[row["round"]]
        extra = dict.fromkeys(key for row in rows for key in row if key not in STATS_COLUMNS)
        queries = [
            row
            for entry in history
            for row in _query_rows(entry, self.plan.data, self.plan.split.train)
        ]
        self.folder.write_csv("stats.csv", [*STATS_COLUMNS, *extra], rows)
        self.folder.write_csv("queries.csv", QUERY_COLUMNS, queries)

    def _validate(self, round_number, model):
        """Score a round's model on validation data, and keep it if it is the best so far."""
        X, y = self.valid
        self._valid_scores[round_number] = accuracy_score(y, model.predict(X))
        if self._best_round() == round_number:
            self._save_model(model)
            self._saved = checksum_of(self.folder.path / MODEL_FILE)
        kept = {"scores": list(self._valid_scores.items()), "model": self._saved}
        write_checksummed(self._valid_path, "valid", _VALID_FORMAT, kept, {})

    @property
    def _valid_path(self):
        return self.campaign.checkpoint / _VALID_FILE

    def _best_round(self):
        """Return the first round with the highest accuracy above the baseline, or None."""
        best, found = self.plan.params.metric_baseline, None
        for number, score in sorted(self._valid_scores.items()):
            if score > best:
                best, found = score, number
        return found

    def _explain_model(self, saved_round):
        baseline = self.plan.params.metric_baseline
        if saved_round is None:
            self.reporter.line(f"no model saved: none exceeds metric_baseline={baseline}")
        elif self.valid is None and baseline > 0:
            self.reporter.line(
                f"metric_baseline={baseline} has no effect without validation data: the "
                "last round's model is saved (set validation_fraction to hold some out)"
            )

    def _save_model(self, model):
        recognizer = Recognizer.join(self.plan.features.transformer, model, **self.plan.windows)
        with self.folder.named_errors(MODEL_FILE):
            recognizer.save(self.folder.path / MODEL_FILE)

    def _draw(self, full_data):
        from matplotlib.figure import Figure

        from skal.display import BudgetCurveDisplay

        # pyplot would open windows and keep global figures.
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        BudgetCurveDisplay.from_history(
            self.campaign.history_,
            full_data=full_data and full_data["accuracy"],
            name=self.plan.name,
            ax=figure.subplots(),
        )
        with self.folder.open("curve.png") as file:
            figure.savefig(file, format="png", dpi=120)
