"""What a run writes down: a row for each round, each query in order, picture and model."""

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline

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
        The predecessor's columns, then all other numbers and texts of the record.
    """
    row = {"num_pseudo_labeled": 0}
    for key, value in record.items():
        if isinstance(value, (int, float, str, np.number)):
            row[_COLUMNS.get(key, key)] = value
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
        self.history = []
        self.saved_round = None
        self._best = params.metric_baseline
        self._queries = []

    def __call__(self, record):
        """Write down a round.

        Parameters
        ----------
        record : dict
            Entry of the campaign's ``history_``.
        """
        self.history.append(record)
        self._queries += query_rows(record, self.data, self.split.train)
        rows = [stats_row(entry) for entry in self.history]
        extra = dict.fromkeys(key for row in rows for key in row if key not in STATS_COLUMNS)
        self.folder.write_csv("stats.csv", [*STATS_COLUMNS, *extra], rows)
        self.folder.write_csv("queries.csv", QUERY_COLUMNS, self._queries)
        if self.valid is not None:
            X, y = self.valid
            self._save_if_better(accuracy_score(y, self.campaign.predict(X)))
        self.reporter.line(round_line(record))
        self.bar(record["n_labeled"])

    def finish(self, full_data):
        """Write down what there is at the end: model, picture, summary.

        Parameters
        ----------
        full_data : dict or None
            Metrics of a model trained on all labels.
        """
        if self.valid is None:
            self._save_if_better(self.history[-1]["eval_accuracy"])
        if self.saved_round is None:
            self.reporter.line(
                f"no model saved: none beats metric_baseline={self.params.metric_baseline}"
            )
        n_labels, accuracy = budget_curve(self.history)
        self._draw(full_data)
        self.folder.write_json(
            "summary.json",
            {
                "stop_reason": self.campaign.stop_reason_,
                "rounds": len(self.history) - 1,
                "labels": int(n_labels[-1]),
                "accuracy": accuracy[-1],
                "area_under_budget_curve": area_under_budget_curve(n_labels, accuracy),
                "full_data": full_data,
                "model_of_round": self.saved_round,
                "seconds_query": sum(entry["seconds_query"] for entry in self.history),
                "seconds_fit": sum(entry["seconds_fit"] for entry in self.history),
            },
        )

    def _save_if_better(self, accuracy):
        if accuracy <= self._best:
            return
        self._best, self.saved_round = accuracy, self.history[-1]["round"]
        # Here a broken recording is set aside; whoever predicts wants to be told of it.
        transformer = clone(self.transformer).set_params(on_error="raise")
        model = Pipeline([("features", transformer), ("classifier", self.campaign.estimator_)])
        with self.folder.open("model.joblib") as file:
            joblib.dump(model, file)

    def _draw(self, full_data):
        from matplotlib.figure import Figure

        from skal.display import BudgetCurveDisplay

        # A figure of its own, without pyplot: nothing is opened on a screen.
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        BudgetCurveDisplay.from_history(
            self.history,
            full_data=full_data and full_data["accuracy"],
            name=self.folder.path.parent.name,
            ax=figure.subplots(),
        )
        with self.folder.open("curve.png") as file:
            figure.savefig(file, format="png", dpi=120)
