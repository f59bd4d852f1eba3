"""What a run writes down: a row for each round, each query in order, picture and model."""

import math

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline

from skal.campaign.checkpoint import last_round
from skal.experiment.manifest import MANIFEST, make_manifest
from skal.experiment.progress import round_line
from skal.metrics import area_under_budget_curve, budget_curve

__all__ = ["QUERY_COLUMNS", "STATS_COLUMNS", "Recorder", "query_rows", "stats_row"]

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
QUERY_COLUMNS = ["round", "position", "file", "label", "score"]

# Keys of a history's record, and the column that shows each.
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


def stats_row(record):
    """Return the row of stats.csv for a round.

    Parameters
    ----------
    record : dict
        Entry of a campaign's ``history_``.

    Returns
    -------
    dict
        The predecessor's columns, then all other numbers and texts of the record; what is
        undefined is empty.
    """
    row = {"num_pseudo_labeled": 0}
    for key, value in record.items():
        if isinstance(value, (int, float, str, np.number)):
            undefined = isinstance(value, (float, np.floating)) and math.isnan(value)
            row[_COLUMNS.get(key, key)] = "" if undefined else value
    return row


def query_rows(record, data, train):
    """Return the rows of queries.csv for a round.

    Parameters
    ----------
    record : dict
        Entry of a campaign's ``history_``.
    data : Data
        The clips.
    train : ndarray of int
        Rows of `data` that the campaign chooses from.

    Yields
    ------
    dict
        Position in the data set as loaded, file, label and score of each clip, in the order
        asked.
    """
    for index, score in zip(record["indices"], record["scores"], strict=True):
        row = train[index]
        yield {
            "round": record["round"],
            "position": int(data.positions[row]),
            "file": data.files[row],
            "label": data.y[row],
            "score": "" if np.isnan(score) else float(score),
        }


class Recorder:
    """Writes down every round as soon as it is over; called with its record.

    Everything is written from the campaign's whole history, so that nothing is lost or doubled
    whenever the process before was killed.

    Parameters
    ----------
    folder : RunFolder
        Where.
    data : Data
        The clips.
    split : Split
        Which of them the campaign chooses from.
    campaign : ActiveLearningClassifier
        The campaign.
    transformer : transformer
        From clips to features; saved in front of the model.
    params : Params
        Complete parameters.
    reporter : Reporter
        Shows and logs lines.
    bar : callable
        Called with the number of labels.
    valid : tuple (X, y) or None
        Validation data.
    """

    def __init__(
        self, folder, data, split, campaign, transformer, params, reporter, bar, valid=None
    ):
        self.folder = folder
        self.data = data
        self.split = split
        self.campaign = campaign
        self.transformer = transformer
        self.params = params
        self.reporter = reporter
        self.bar = bar
        self.valid = valid
        self._valid_scores = {}

    def catch_up(self):
        """Take up what an interrupted run has left; call it before the campaign goes on."""
        last = last_round(self.campaign.checkpoint)
        if last is None:
            return
        record, model = last
        self.reporter.line(f"goes on after round {record['round']}, {record['n_labeled']} labels")
        self.bar(record["n_labeled"])
        if self.valid is None:
            return
        # The run may have ended after the campaign was saved and before its round was scored.
        for row in self.folder.read_csv("stats.csv"):
            self._valid_scores[int(row["round"])] = float(row["valid_acc"])
        if record["round"] not in self._valid_scores:
            self._validate(record["round"], model)

    def __call__(self, record):
        """Write down a round.

        Parameters
        ----------
        record : dict
            Entry of the campaign's ``history_``.
        """
        if self.valid is not None:
            self._validate(record["round"], self.campaign.estimator_)
        self._write_rounds()
        self.reporter.line(round_line(record))
        self.bar(record["n_labeled"])

    def finish(self, full_data):
        """Write down what there is at the end: model, picture, summary, manifest.

        Parameters
        ----------
        full_data : dict or None
            Metrics of a model trained on all labels.
        """
        history = self.campaign.history_
        self._write_rounds()
        if self.valid is None:
            saved_round = history[-1]["round"]
            self._save_model(self.campaign.estimator_)
        else:
            saved_round = self._best_round()
        self._explain_model(saved_round)
        n_labels, accuracy = budget_curve(history)
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
                "model_of_round": saved_round,
                "seconds_query": sum(entry["seconds_query"] for entry in history),
                "seconds_fit": sum(entry["seconds_fit"] for entry in history),
            },
        )

    def seal(self):
        """Write the manifest, after which the run counts as finished."""
        self.folder.write_json(MANIFEST, make_manifest(self.folder.path))

    def _write_rounds(self):
        history = self.campaign.history_
        rows = [stats_row(entry) for entry in history]
        for row in rows:
            if self.params.pseudo_labels is not None:
                row["decay_rate"] = self.campaign.pseudo_labels.decay
            if row["round"] in self._valid_scores:
                row["valid_acc"] = self._valid_scores[row["round"]]
        extra = dict.fromkeys(key for row in rows for key in row if key not in STATS_COLUMNS)
        queries = [
            row for entry in history for row in query_rows(entry, self.data, self.split.train)
        ]
        self.folder.write_csv("stats.csv", [*STATS_COLUMNS, *extra], rows)
        self.folder.write_csv("queries.csv", QUERY_COLUMNS, queries)

    def _validate(self, round_number, model):
        """Score a round's model, and keep it if it is the best so far."""
        X, y = self.valid
        self._valid_scores[round_number] = accuracy_score(y, model.predict(X))
        if self._best_round() == round_number:
            self._save_model(model)

    def _best_round(self):
        """Return the first round with the highest accuracy above the baseline, or None."""
        best, found = self.params.metric_baseline, None
        for number, score in sorted(self._valid_scores.items()):
            if score > best:
                best, found = score, number
        return found

    def _explain_model(self, saved_round):
        baseline = self.params.metric_baseline
        if saved_round is None:
            self.reporter.line(f"no model saved: none beats metric_baseline={baseline}")
        elif self.valid is None and baseline > 0:
            self.reporter.line(
                f"metric_baseline={baseline} is not looked at without validation data: the last "
                "round's model is saved (valid_percent holds some out)"
            )

    def _save_model(self, model):
        # Here a broken recording is set aside; whoever predicts wants to be told of it.
        transformer = clone(self.transformer).set_params(on_error="raise")
        pipeline = Pipeline([("features", transformer), ("classifier", model)])
        with self.folder.open("model.joblib") as file:
            joblib.dump(pipeline, file)

    def _draw(self, full_data):
        from matplotlib.figure import Figure

        from skal.display import BudgetCurveDisplay

        # A figure of its own, without pyplot: nothing is opened on a screen.
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        BudgetCurveDisplay.from_history(
            self.campaign.history_,
            full_data=full_data and full_data["accuracy"],
            name=self.folder.path.parent.name,
            ax=figure.subplots(),
        )
        with self.folder.open("curve.png") as file:
            figure.savefig(file, format="png", dpi=120)
