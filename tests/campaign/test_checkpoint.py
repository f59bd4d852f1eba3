"""Checkpoints: whatever ends a campaign, it goes on as if nothing had happened."""

import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import _safe_indexing

from skal import ActiveLearningClassifier
from skal._utils.files import checksummed
from skal._utils.files.atomic import FolderHeldError
from skal._utils.files.checksummed import read_checksummed
from skal.campaign import PseudoLabels, StabilizedPredictions
from skal.campaign.checkpoint import _FORMAT, last_round
from skal.models import CNNClassifier, DenseNet
from skal.strategies import EntropySampling
from tests.campaign.data import blobs, model


def campaign(**params):
    defaults = {"n_initial": 12, "n_instances": 6, "budget": 48, "random_state": 0}
    return ActiveLearningClassifier(model(), **{**defaults, **params})


class Interrupted(Exception):
    pass


class Broken(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        if len(y) >= 24:
            raise Interrupted
        return super().fit(X, y, sample_weight)


def interrupt_in(round_number):
    def on_round(record):
        if record["round"] == round_number:
            raise Interrupted

    return on_round


@pytest.mark.parametrize("round_number", [0, 1, 4])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"pseudo_labels": PseudoLabels(0.4), "replay": "uncertain", "store_rounds": True},
        {"stopping": StabilizedPredictions(0.97, n_rounds=2)},
    ],
    ids=["plain", "pseudo-labels and replay", "stopping"],
)
def test_goes_on_to_the_same_result(tmp_path, round_number, params):
    X, y = blobs()
    expected = campaign(**params).fit(X, y, eval_set=(X, y))
    with pytest.raises(Interrupted):
        campaign(**params, checkpoint=tmp_path).fit(
            X, y, eval_set=(X, y), on_round=interrupt_in(round_number)
        )
    resumed = campaign(**params, checkpoint=tmp_path).fit(X, y, eval_set=(X, y))
    np.testing.assert_array_equal(expected.labeled_indices_, resumed.labeled_indices_)
    np.testing.assert_array_equal(expected.predict_proba(X), resumed.predict_proba(X))
    assert expected.stop_reason_ == resumed.stop_reason_
    assert [r["eval_accuracy"] for r in expected.history_] == [
        r["eval_accuracy"] for r in resumed.history_
    ]
    if params.get("store_rounds"):
        assert len(list(resumed.staged_predict(X))) == len(resumed.history_)


def test_a_finished_campaign_trains_nothing_again(tmp_path):
    X, y = blobs()
    first = campaign(checkpoint=tmp_path).fit(X, y)

    def no_training(record):
        raise AssertionError("trained again")

    second = campaign(checkpoint=tmp_path).fit(X, y, on_round=no_training)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert second.stop_reason_ == first.stop_reason_


def test_a_larger_budget_goes_on(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path, budget=24).fit(X, y)
    longer = campaign(checkpoint=tmp_path).fit(X, y)
    np.testing.assert_array_equal(longer.labeled_indices_, campaign().fit(X, y).labeled_indices_)


def test_answers_are_kept_although_training_failed(tmp_path):
    X, y = blobs()
    asked = []

    def oracle(rows):
        asked.extend(rows)
        return y[rows]

    params = {"checkpoint": tmp_path, "classes": range(4)}
    with pytest.raises(Interrupted):
        campaign(**params).set_params(estimator=Broken(max_iter=200)).fit(X, oracle=oracle)
    head = read_checksummed(tmp_path / "campaign.skal", "campaign", _FORMAT)
    np.testing.assert_array_equal(head.arrays["labeled"], asked)
    assert len(asked) == 24


def test_oracle_is_never_asked_twice(tmp_path):
    X, y = blobs()
    asked = []

    def oracle(rows):
        asked.extend(rows)
        return y[rows]

    params = {"checkpoint": tmp_path, "classes": range(4)}
    with pytest.raises(Interrupted):
        campaign(**params).fit(X, oracle=oracle, on_round=interrupt_in(2))
    resumed = campaign(**params).fit(X, oracle=oracle)
    np.testing.assert_array_equal(resumed.labeled_indices_, asked)
    np.testing.assert_array_equal(resumed.labeled_indices_, campaign().fit(X, y).labeled_indices_)


def test_taught_labels_come_back(tmp_path):
    X, y = blobs()
    partial = np.where(np.arange(80) < 20, y, -1)
    first = campaign(checkpoint=tmp_path).fit(X, partial)
    indices = first.query()
    first.teach(indices=indices, y=y[indices])
    first.teach(X[:3] + 1, y[:3])
    second = campaign(checkpoint=tmp_path).fit(X, partial)
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    np.testing.assert_array_equal(first.query(), second.query())
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_instances": 7}, "n_instances was 6, is 7"),
        ({"strategy": EntropySampling()}, "strategy was None, is EntropySampling"),
        ({"random_state": 1}, "random_state was 0, is 1"),
    ],
)
def test_another_campaign_is_refused(tmp_path, change, message):
    X, y = blobs()
    campaign(checkpoint=tmp_path, budget=20).fit(X, y)
    with pytest.raises(ValueError, match=message):
        campaign(checkpoint=tmp_path, **change).fit(X, y)


def test_another_frozen_model_is_refused(tmp_path):
    X, y = blobs()

    def behind(scaler, budget=48):
        steps = make_pipeline(FrozenEstimator(scaler), model())
        return campaign(checkpoint=tmp_path, budget=budget).set_params(estimator=steps)

    behind(StandardScaler().fit(X), budget=20).fit(X, y)
    with pytest.raises(ValueError, match="estimator differs"):
        behind(StandardScaler().fit(X[:40])).fit(X, y)
    assert len(behind(StandardScaler().fit(X)).fit(X, y).labeled_indices_) == 48


def test_other_labels_are_refused(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path, budget=20).fit(X, y)
    with pytest.raises(ValueError, match="labels of y differ"):
        campaign(checkpoint=tmp_path).fit(X, y[::-1])


def test_nothing_is_left_but_what_belongs_to_it(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path).fit(X, y)
    rounds = [f"round-{i:05d}.skal" for i in range(7)]
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["campaign.skal", "model-00007.skal", *rounds]


def first_rows(learner, X, n_instances):
    return np.arange(n_instances)


def test_a_function_is_the_same_in_another_process(tmp_path):
    X, y = blobs()
    campaign(checkpoint=tmp_path, strategy=first_rows, budget=20).fit(X, y)

    def moved(learner, X, n_instances):
        return first_rows(learner, X, n_instances)

    moved.__qualname__ = first_rows.__qualname__
    resumed = campaign(checkpoint=tmp_path, strategy=moved).fit(X, y)
    assert len(resumed.labeled_indices_) == 48
    with pytest.raises(ValueError, match="strategy was <function first_rows>"):
        campaign(checkpoint=tmp_path, strategy=lambda *_: [0]).fit(X, y)


def test_all_of_a_long_description_counts(tmp_path):
    X, y = blobs()

    def with_middle(value):
        names = [{"n" * 300: value if i == 3 else i} for i in range(7)]
        return make_pipeline(*[FunctionTransformer(ignore, kw_args=n) for n in names], model())

    campaign(checkpoint=tmp_path, budget=20).set_params(estimator=with_middle(1)).fit(X, y)
    with pytest.raises(ValueError, match="belongs to another campaign"):
        campaign(checkpoint=tmp_path).set_params(estimator=with_middle(2)).fit(X, y)


def ignore(X, **_):
    return X


def test_a_model_that_waits_for_labels_of_weight_comes_back(tmp_path):
    """Until then a constant one predicts; what it has learned from the pool must not go."""
    X, y = blobs()
    params = {"update": "finetune", "n_instances": 12}
    network = CNNClassifier(DenseNet(units=(4,)), steps=4)
    weights = np.ones(80)
    weights[campaign(budget=12).fit(X, y).labeled_indices_] = 0

    def fit(*, on_round=None, **more):
        learner = campaign(**params, **more).set_params(estimator=clone(network))
        return learner.fit(X, y, sample_weight=weights, on_round=on_round)

    expected = fit()
    with pytest.raises(Interrupted):
        fit(checkpoint=tmp_path, on_round=interrupt_in(0))
    resumed = fit(checkpoint=tmp_path)
    assert expected.history_[0]["n_labeled"] == 12
    np.testing.assert_array_equal(expected.labeled_indices_, resumed.labeled_indices_)
    np.testing.assert_array_equal(expected.predict_proba(X), resumed.predict_proba(X))


def lines(X, y):
    """Return text that a Pipeline reads numbers from, as a path would be read."""
    return [" ".join(map(str, row)) for row in X]


def parse(rows):
    return np.array([[float(number) for number in row.split()] for row in rows])


class TestWhatItBelongsTo:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda X: X[:, ::-1], "values of X differ"),
            (lambda X: X[::-1], "values of X differ"),
            (lambda X: X.astype(np.float32), "type of X was float64, is float32"),
            (lambda X: np.c_[X, X], r"shape of X was \(80, 2\), is \(80, 4\)"),
            (lambda X: pd.DataFrame(X), "container of X was array, is DataFrame"),
            (lambda X: sparse.csr_matrix(X), "container of X was array, is sparse matrix"),
        ],
    )
    def test_other_rows_are_refused(self, tmp_path, change, message):
        X, y = blobs()
        campaign(checkpoint=tmp_path, budget=20).fit(X, y)
        with pytest.raises(ValueError, match=message):
            campaign(checkpoint=tmp_path).fit(change(X), y)
        campaign(checkpoint=tmp_path).fit(X, y)

    @pytest.mark.parametrize(
        ("first", "second", "message"),
        [
            ({}, {"groups": np.arange(80)}, "container of groups was None, is array"),
            ({"groups": np.arange(80)}, {"groups": np.arange(80)[::-1]}, "groups differ"),
            ({}, {"sample_weight": np.ones(80)}, "container of sample_weight was None"),
            (
                {"sample_weight": np.ones(80)},
                {"sample_weight": np.arange(80)},
                "values of sample_weight differ",
            ),
        ],
    )
    def test_other_columns_are_refused(self, tmp_path, first, second, message):
        X, y = blobs()
        campaign(checkpoint=tmp_path, budget=20).fit(X, y, **first)
        with pytest.raises(ValueError, match=message):
            campaign(checkpoint=tmp_path).fit(X, y, **second)
        campaign(checkpoint=tmp_path).fit(X, y, **first)

    def test_other_seeds_are_refused(self, tmp_path):
        X, y = blobs()

        def fit(seed):
            random_state = np.random.RandomState(seed)
            return campaign(checkpoint=tmp_path, random_state=random_state).fit(X, y)

        first = fit(0)
        np.testing.assert_array_equal(fit(0).labeled_indices_, first.labeled_indices_)
        with pytest.raises(ValueError, match="random_state differs"):
            fit(1)

    def test_a_simulation_is_no_interactive_campaign(self, tmp_path):
        X, y = blobs()
        campaign(checkpoint=tmp_path).fit(X, y)
        with pytest.raises(ValueError, match="simulated was True, is False"):
            campaign(checkpoint=tmp_path).fit(X, y, oracle=lambda rows: y[rows])

    def test_recordings_that_changed_are_refused(self, tmp_path):
        X, y = blobs()
        paths = [tmp_path / f"{i}.txt" for i in range(80)]
        for path, line in zip(paths, lines(X, y), strict=True):
            path.write_text(line)
        read = FunctionTransformer(read_texts)

        def fit():
            learner = campaign(checkpoint=tmp_path / "campaign", budget=20)
            return learner.set_params(estimator=make_pipeline(read, model())).fit(paths, y)

        fit()
        fit()
        paths[7].write_text("1 2345")
        with pytest.raises(ValueError, match="sizes of the files of X differ"):
            fit()

    def test_a_network_keeps_no_normalization_of_another_pool(self, tmp_path):
        X, y = blobs()
        network = CNNClassifier(DenseNet(units=(4,)), steps=4)

        def fit(X, **more):
            learner = campaign(n_instances=36, **more).set_params(estimator=clone(network))
            return learner.fit(X, y)

        kept = fit(X, checkpoint=tmp_path)
        with pytest.raises(ValueError, match="values of X differ"):
            fit(100 * X + 5, checkpoint=tmp_path)
        # Of the scale of the pool nothing is left: not in one object either.
        fresh = fit(100 * X + 5)
        kept.set_params(checkpoint=None).fit(100 * X + 5, y)
        np.testing.assert_array_equal(
            fresh.predict_proba(100 * X + 5), kept.predict_proba(100 * X + 5)
        )


def read_texts(paths):
    return parse([path.read_text() for path in paths])


class TestDamage:
    @pytest.fixture
    def saved(self, tmp_path):
        folder = tmp_path
        X, y = blobs()
        partial = np.where(np.arange(80) < 20, y, -1)
        first = campaign(checkpoint=folder, store_rounds=True).fit(X, partial)
        first.teach(X[:3] + 1, y[:3])
        return folder, partial

    @pytest.mark.parametrize(
        "name", ["campaign", "model-00002", "round-00000", "round-00001", "rows-00000"]
    )
    def test_a_flipped_bit_is_an_error_that_names_the_file(self, saved, name):
        folder, partial = saved
        path = folder / f"{name}.skal"
        whole = path.read_bytes()
        rng = np.random.RandomState(0)
        # Every byte of the header, the end, and some of each stretch between.
        positions = {*range(120), *range(len(whole) - 10, len(whole))}
        positions |= set(rng.randint(len(whole), size=60).tolist())
        X = blobs()[0]
        try:
            for position in sorted(positions):
                damaged = bytearray(whole)
                damaged[position] ^= 1 << rng.randint(8)
                path.write_bytes(damaged)
                with pytest.raises(ValueError, match=f"{name}.skal is damaged"):
                    campaign(checkpoint=folder, store_rounds=True).fit(X, partial)
            for n_bytes in (0, 10, 100, len(whole) - 1):
                path.write_bytes(whole[:n_bytes])
                with pytest.raises(ValueError, match=f"{name}.skal is damaged"):
                    campaign(checkpoint=folder, store_rounds=True).fit(X, partial)
        finally:
            path.write_bytes(whole)
        campaign(checkpoint=folder, store_rounds=True).fit(X, partial)

    def test_a_part_that_is_missing_or_of_another_time(self, saved):
        folder, partial = saved
        X, path = blobs()[0], folder / "round-00001.skal"
        whole = path.read_bytes()
        try:
            path.write_bytes((folder / "round-00000.skal").read_bytes())
            with pytest.raises(
                ValueError, match=r"round-00001.skal is intact, but belongs to a different"
            ):
                campaign(checkpoint=folder, store_rounds=True).fit(X, partial)
            path.unlink()
            with pytest.raises(ValueError, match=r"round-00001.skal is missing"):
                campaign(checkpoint=folder, store_rounds=True).fit(X, partial)
        finally:
            path.write_bytes(whole)

    def test_a_lost_head_is_told(self, tmp_path):
        X, y = blobs()
        first = campaign(checkpoint=tmp_path).fit(X, y)
        (tmp_path / "campaign.skal").unlink()
        with pytest.warns(
            UserWarning, match=r"campaign.skal is missing: the campaign starts again"
        ):
            again = campaign(checkpoint=tmp_path).fit(X, y)
        np.testing.assert_array_equal(again.labeled_indices_, first.labeled_indices_)

    def test_nothing_damaged_is_unpickled(self, saved, monkeypatch):
        folder, _ = saved
        path = folder / "model-00002.skal"
        whole = path.read_bytes()
        monkeypatch.setattr(checksummed.joblib, "load", lambda stream: pytest.fail("unpickled"))
        try:
            path.write_bytes(whole[:-1] + b"x")
            with pytest.raises(ValueError, match="damaged"):
                read_checksummed(path, "model", _FORMAT)
        finally:
            path.write_bytes(whole)

    def test_other_versions(self, tmp_path):
        X, y = blobs()
        checksummed.write_checksummed(tmp_path / "campaign.skal", "campaign", 2, {}, {})
        with pytest.raises(ValueError, match=r"campaign in format 2.*format 3.*version of skal"):
            campaign(checkpoint=tmp_path).fit(X, y)

    def test_old_checkpoints_are_named_and_not_opened(self, tmp_path):
        X, y = blobs()
        (tmp_path / "campaign.joblib").write_bytes(b"not even a pickle")
        with pytest.raises(ValueError, match=r"campaign.joblib is a checkpoint of an older"):
            campaign(checkpoint=tmp_path).fit(X, y)
        with pytest.raises(ValueError, match="older version"):
            last_round(tmp_path)


class TestRoundsAreWrittenOnce:
    def test_files_stay_as_they_were(self, tmp_path):
        X, y = blobs()
        seen = {}

        def look(record):
            for path in tmp_path.glob("round-*.skal"):
                status = (path.stat().st_ino, path.stat().st_mtime_ns)
                assert seen.setdefault(path.name, status) == status
            assert len(list(tmp_path.glob("model-*.skal"))) == 1

        fitted = campaign(checkpoint=tmp_path, store_rounds=True).fit(X, y, on_round=look)
        assert len(seen) == len(fitted.history_) == 7
        resumed = campaign(checkpoint=tmp_path, store_rounds=True, budget=60)
        resumed.fit(X, y, on_round=look)
        assert len(seen) == len(resumed.history_) == 9
        fresh = campaign(store_rounds=True, budget=60).fit(X, y)
        for ours, theirs in zip(resumed.staged_predict(X), fresh.staged_predict(X), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_records_come_back_as_they_were(self, tmp_path):
        X, y = blobs()
        params = {"checkpoint": tmp_path, "pseudo_labels": PseudoLabels(0.4)}
        first = campaign(**params).fit(X, y, eval_set=(X, y))
        second = campaign(**params).fit(X, y, eval_set=(X, y))
        for ours, theirs in zip(first.history_, second.history_, strict=True):
            assert list(ours) == list(theirs)
            for name, value in ours.items():
                assert type(theirs[name]) is type(value) or np.isscalar(value)
                np.testing.assert_array_equal(theirs[name], value)

    def test_a_folder_that_was_removed_is_written_anew(self, tmp_path):
        X, y = blobs()
        folder = tmp_path / "campaign"
        partial = np.where(np.arange(80) < 20, y, -1)
        first = campaign(checkpoint=folder).fit(X, partial)
        shutil.rmtree(folder)
        first.teach(indices=first.query(), y=y[first.query()])
        second = campaign(checkpoint=folder).fit(X, partial)
        np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)


KILLED = """
import sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from skal import ActiveLearningClassifier
from tests.campaign.data import blobs

X, y = blobs(400)
print("begins", flush=True)
ActiveLearningClassifier(
    LogisticRegression(max_iter=200), n_initial=12, n_instances=4, budget=300, random_state=0,
    store_rounds=True, checkpoint=sys.argv[1],
).fit(X, y, on_round=lambda record: print(record["round"], flush=True))
"""


@pytest.mark.slow
def test_killed_at_any_moment_loses_no_round(tmp_path):
    """Kill the process again and again, wherever it is; what was written goes on as it was."""
    X, y = blobs(400)
    params = {"n_instances": 4, "budget": 300, "store_rounds": True}
    expected = campaign(**params).fit(X, y)
    rng = np.random.RandomState(0)
    before = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, text=True
        )
        played = 0
        for line in process.stdout:
            played += line != "begins\n"
            if played >= 6:
                break
        time.sleep(rng.rand() * 0.05)  # anywhere in a round: a test of no time
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found = last_round(tmp_path)
        assert found is not None
        assert found[0]["round"] + 1 >= before + played
        before = found[0]["round"] + 1
    resumed = campaign(**params, checkpoint=tmp_path).fit(X, y)
    np.testing.assert_array_equal(resumed.labeled_indices_, expected.labeled_indices_)
    assert len(resumed.history_) == len(expected.history_)
    for ours, theirs in zip(resumed.staged_predict(X), expected.staged_predict(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not list(tmp_path.glob(".*"))


HOLDS = """
import sys
from pathlib import Path
from sklearn.linear_model import LogisticRegression
from skal import ActiveLearningClassifier
from tests.campaign.data import blobs

def wait(record):
    print("holds", flush=True)
    sys.stdin.readline()

X, y = blobs()
ActiveLearningClassifier(
    LogisticRegression(max_iter=200), n_initial=12, n_instances=6, budget=48, random_state=0,
    checkpoint=sys.argv[1],
).fit(X, y, on_round=wait)
"""


class TestTwoAtOnce:
    def test_the_second_process_is_told(self, tmp_path):
        X, y = blobs()
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDS, tmp_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout.readline() == "holds\n"
            with pytest.raises(FolderHeldError, match=rf"process {process.pid}.*wait until it"):
                campaign(checkpoint=tmp_path).fit(X, y)
        finally:
            process.kill()
            process.communicate()
        campaign(checkpoint=tmp_path).fit(X, y)

    def test_one_that_was_overtaken_is_told(self, tmp_path):
        X, y = blobs()
        partial = np.where(np.arange(80) < 20, y, -1)
        first = campaign(checkpoint=tmp_path).fit(X, partial)
        second = campaign(checkpoint=tmp_path).fit(X, partial)
        indices = first.query()
        second.teach(indices=indices, y=y[indices])
        proba = first.predict_proba(X)
        with pytest.raises(ValueError, match=r"another campaign since.*Call fit again"):
            first.teach(indices=indices, y=y[indices])
        assert len(first.labeled_indices_) == first._rounds.state.n_labeled == 20
        np.testing.assert_array_equal(first.predict_proba(X), proba)
        third = campaign(checkpoint=tmp_path).fit(X, partial)
        np.testing.assert_array_equal(third.labeled_indices_, second.labeled_indices_)

    def test_two_that_begin_with_nothing(self, tmp_path):
        X, _ = blobs()
        first, second = (
            campaign(checkpoint=tmp_path, classes=range(4)).fit(X, [None] * 80) for _ in range(2)
        )
        second.teach(indices=[1, 2], y=[0, 1])
        with pytest.raises(ValueError, match="Call fit again"):
            first.teach(indices=[3, 4], y=[0, 1])


class TestRowsFromOutside:
    """What cannot be trained on is refused before it is kept, and the campaign goes on."""

    def begun(self, folder, X, y):
        return campaign(checkpoint=folder).fit(X, np.where(np.arange(80) < 20, y, -1))

    @pytest.mark.parametrize(
        "rows",
        [
            np.ones((2, 3)),
            np.ones((2, 2, 1)),
            ["a.wav", "b.wav"],
            pd.DataFrame({"a": [1.0, 2], "c": [1.0, 2]}),
            pd.DataFrame({"a": [1.0, 2]}),
            pd.DataFrame({"a": ["x", "y"], "b": [1.0, 2]}),
            [[np.nan, 1.0], [1.0, 1.0]],
        ],
        ids=["columns", "axes", "paths", "other columns", "missing column", "text", "NaN"],
    )
    @pytest.mark.parametrize("frame", [False, True])
    def test_what_does_not_fit(self, tmp_path, frame, rows):
        X, y = blobs()
        X = pd.DataFrame(X, columns=["a", "b"]) if frame else X
        fitted = self.begun(tmp_path, X, y)
        asked = fitted.query()
        if not frame and isinstance(rows, pd.DataFrame) and rows.shape[1] == 2:
            rows = rows.assign(d=1.0)
        with pytest.raises(ValueError):
            fitted.teach(rows, y[:2])
        for learner in (fitted, self.begun(tmp_path, X, y)):
            np.testing.assert_array_equal(learner.query(), asked)
        fitted.teach(indices=asked, y=y[asked])
        again = self.begun(tmp_path, X, y)
        np.testing.assert_array_equal(again.labeled_indices_, fitted.labeled_indices_)

    def test_what_a_step_cannot_read(self, tmp_path):
        X, y = blobs()
        fit = partial(
            campaign(checkpoint=tmp_path)
            .set_params(estimator=make_pipeline(FunctionTransformer(parse), model()))
            .fit,
            lines(X, y),
            np.where(np.arange(80) < 20, y, -1),
        )
        fitted = fit()
        with pytest.raises(ValueError, match="could not convert"):
            fitted.teach(["no number"], [0])
        asked = fitted.query()
        fitted.teach(indices=asked, y=y[asked])
        assert len(fit().labeled_indices_) == 26

    @pytest.mark.parametrize("given_in", ["array", "list", "frame", "reordered", "sparse"])
    @pytest.mark.parametrize("fitted_with", ["array", "frame", "sparse"])
    def test_other_containers_are_converted(self, tmp_path, fitted_with, given_in):
        X, y = blobs()
        frame = pd.DataFrame(X, columns=["a", "b"])
        containers = {
            "array": X,
            "list": X.tolist(),
            "frame": frame,
            "reordered": frame[["b", "a"]] if fitted_with == "frame" else frame,
            "sparse": sparse.csr_matrix(X),
        }
        rows = containers[given_in]
        fitted = self.begun(tmp_path, containers[fitted_with], y)
        plain = self.begun(tmp_path / "plain", X, y)
        fitted.teach(_safe_indexing(rows, list(range(30, 34))), y[30:34])
        plain.teach(X[30:34], y[30:34])
        again = self.begun(tmp_path, containers[fitted_with], y)
        for learner in (fitted, again):
            np.testing.assert_allclose(
                learner.predict_proba(containers[fitted_with]), plain.predict_proba(X), atol=1e-6
            )
        np.testing.assert_array_equal(again.query(), fitted.query())

    def test_an_array_that_is_filled_again(self):
        X, y = blobs()
        fitted, plain = (campaign().fit(X, np.where(np.arange(80) < 20, y, -1)) for _ in "12")
        buffer = np.empty((2, 2))
        for start in (30, 40):
            buffer[:] = X[start : start + 2]
            fitted.teach(buffer, y[start : start + 2])
            plain.teach(X[start : start + 2].copy(), y[start : start + 2])
        np.testing.assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))
