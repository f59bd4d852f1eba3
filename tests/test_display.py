"""Displays: what is drawn is what is there."""

import os

import matplotlib as mpl
import numpy as np
import pytest
import soundfile
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skal.campaign import ActiveLearningClassifier
from skal.cluster import DensityPeaks
from skal.datasets import load_audio_folder, make_sounds
from skal.datasets.synthetic import write_sounds
from skal.display import (
    BudgetCurveDisplay,
    ClipDisplay,
    DecisionGraphDisplay,
    QueryMapDisplay,
    show_class,
    show_clip,
)

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def campaign():
    X, y = make_blobs(120, centers=3, n_features=5, random_state=0)
    model = ActiveLearningClassifier(
        LogisticRegression(), n_initial=6, n_instances=5, budget=21, random_state=0
    )
    return model.fit(X, y, eval_set=(X, y)), X


def test_budget_curve(campaign):
    model, _ = campaign
    display = BudgetCurveDisplay.from_estimator(model, full_data=0.99, color="red")
    np.testing.assert_array_equal(display.line_.get_xdata(), [6, 11, 16, 21])
    np.testing.assert_array_equal(
        display.line_.get_ydata(), [entry["eval_accuracy"] for entry in model.history_]
    )
    assert display.line_.get_color() == "red"
    assert display.full_data_line_.get_ydata()[0] == 0.99
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [
        "MarginSampling",
        "all labels",
    ]
    assert display.figure_ is display.ax_.figure
    again = BudgetCurveDisplay.from_history(model.history_, metric="f1", ax=display.ax_)
    assert again.ax_ is display.ax_
    assert again.ax_.get_ylabel() == "macro F1"
    assert again.full_data_line_ is None
    assert len(display.ax_.lines) == 3


def test_decision_graph():
    X, _ = make_blobs(90, centers=3, cluster_std=0.5, random_state=1)
    peaks = DensityPeaks(n_clusters=3).fit(X)
    display = DecisionGraphDisplay.from_estimator(peaks)
    np.testing.assert_allclose(
        display.points_.get_offsets(), np.column_stack([peaks.rho_, peaks.delta_])
    )
    shown = np.asarray(display.peaks_.get_offsets())
    np.testing.assert_allclose(shown[:, 0], peaks.rho_[peaks.cluster_centers_indices_])
    plain = DecisionGraphDisplay(rho=peaks.rho_, delta=peaks.delta_).plot()
    assert plain.peaks_ is None


def test_query_map(campaign):
    model, X = campaign
    display = QueryMapDisplay.from_estimator(model, X)
    assert len(display.queries_.get_offsets()) == 21
    assert len(display.pool_.get_offsets()) == 120 - 21
    asked = display.rounds[model.labeled_indices_]
    np.testing.assert_array_equal(asked, np.repeat([0, 1, 2, 3], [6, 5, 5, 5]))
    np.testing.assert_array_equal(np.sort(display.queries_.get_array()), np.sort(asked))
    own = QueryMapDisplay.from_estimator(model, X, coordinates=X[:, :2])
    np.testing.assert_array_equal(own.pool_.get_offsets(), X[own.rounds < 0, :2])


def test_clip_shows_the_right_frequency_at_the_right_time():
    sr = 8000
    t = np.arange(2 * sr) / sr
    y = np.where(t < 1, np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 3000 * t))
    display = show_clip(y, sr, name="two tones")
    left, right, low, high = display.image_.get_extent()
    assert (left, right, low, high) == (0, 2, 0, 4000)
    image = np.asarray(display.image_.get_array())
    n_bands, n_frames = image.shape
    for seconds, frequency in ((0.5, 1000), (1.5, 3000)):
        frame = image[:, int(seconds / right * n_frames)]
        assert frame.argmax() / (n_bands - 1) * high == pytest.approx(frequency, abs=40)
    assert image.max() == pytest.approx(0)
    assert image.min() >= -80
    upper, lower = display.axes_
    assert upper.get_title() == "two tones"
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("time (s)", "frequency (Hz)")
    np.testing.assert_allclose(display.line_.get_xdata()[-1], 2 - 1 / sr)


def test_clip_of_a_file(fsdd_home):
    path = fsdd_home / "recordings" / "7_theo_1.wav"
    display = show_clip(path)
    assert isinstance(display, ClipDisplay)
    assert display.sr == 8000
    title = display.axes_[0].get_title()
    assert title.endswith("recordings/7_theo_1.wav") and len(title) <= 48


def test_any_name_fits_above_a_clip(tmp_path):
    path = tmp_path / ("night " * 20 + "$a$ x^{\n.wav")
    soundfile.write(path, np.random.default_rng(0).normal(scale=0.1, size=16000), 8000)
    display = show_clip((path, 0.5, 1.5))
    display.figure_.canvas.draw()
    title = display.axes_[0].title
    assert title.get_text().endswith("$a$ x^{\N{REPLACEMENT CHARACTER}.wav#t=0.5,1.5")
    box = title.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= display.figure_.bbox.x1
    assert display.image_.get_extent() == [0, 1, 0, 4000]


def test_long_clips_are_drawn_with_few_points():
    sr = 8000
    y = np.random.default_rng(0).normal(scale=0.01, size=600 * sr).astype(np.float32)
    y[[100, 500 * sr]] = -1, 1
    display = show_clip(y, sr)
    x, drawn = display.line_.get_data()
    assert len(x) <= 2**18 + 2 and display.image_.get_array().shape[1] <= 2**12 + 2
    assert drawn.min() == -1 and drawn.max() == 1
    assert x[drawn.argmax()] == pytest.approx(500, abs=0.01)


def test_montage_of_a_class(tmp_path):
    made = make_sounds(12, 2, duration=0.5, random_state=0)
    data = load_audio_folder(
        os.path.dirname(os.path.dirname(write_sounds(made, tmp_path).paths[0]))
    )
    label = data.target_names[1]
    paths = data.paths[data.target == 1]
    with open(paths[2], "w") as file:
        file.write("no sound")
    display = show_class(data, label, n_columns=4)
    assert len(display.axes_) == len(paths) and len(display.images_) == len(paths) - 1
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == [os.path.basename(path) for path in paths]
    assert "not a sound file" in display.axes_[2].texts[0].get_text().replace("\n", " ")
    for ax in display.axes_:
        assert ax.get_xlim() == (0, 0.5) and ax.get_ylim() == (0, 4000)
    figure = display.figure_
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("time (s)", "frequency (Hz)")
    assert figure.get_suptitle() == f"{label}: {len(paths)} of {len(paths)} clips"
    few = show_class(made, label, n_clips=2, random_state=0)
    assert len(few.axes_) == 2
    # Each tile is the picture of its own clip.
    row = int(few.axes_[0].get_title().removeprefix("clip "))
    expected = show_clip(made.data[row], made.sr).image_.get_array()
    np.testing.assert_array_equal(few.images_[0].get_array(), expected)
    with pytest.raises(ValueError, match="no class 'moo'; there are"):
        show_class(data, "moo")


def test_montage_of_clips_of_any_length():
    data = make_sounds(4, 1, duration=1.0, random_state=0)
    data.data = [data.data[0][:400], *data.data[1:]]
    display = show_class(data, data.target_names[0])
    ends = [ax.get_xlim()[1] for ax in display.axes_]
    np.testing.assert_allclose(ends, [400 / data.sr, 1, 1, 1])


@pytest.mark.parametrize("y", [np.zeros(100), np.zeros(4000), np.ones(1)])
def test_silent_and_short_clips_are_drawn(y):
    image = np.asarray(show_clip(y, 8000).image_.get_array())
    assert np.isfinite(image).all()


def test_clip_errors():
    with pytest.raises(ValueError, match="sampling rate"):
        show_clip(np.zeros(10))
    with pytest.raises(ValueError, match="one axis"):
        show_clip(np.zeros((2, 10)), 8000)
    with pytest.raises(ValueError, match="at least one sample"):
        show_clip(np.zeros(0), 8000)
