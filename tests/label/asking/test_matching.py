"""Which clip a row of a label file is about."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.label import LabelingProject
from skal.label.asking.records import ImportedLabel

LENGTH = 3.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with clips of 3 s, two of which have one name."""
    folder = tmp_path_factory.mktemp("field")
    for name in ("top.wav", "siteA/night1.wav", "siteA/day.wav", "siteB/day.wav", "siteA/ b .wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        rng = np.random.default_rng(0)
        soundfile.write(folder / name, rng.uniform(-0.1, 0.1, int(8000 * LENGTH)), 8000)
    return folder


def imported(folder, tmp_path, *rows, **options):
    with LabelingProject(folder, ["dog"], folder=tmp_path / "p", **options) as project:
        labels = [ImportedLabel(*row, "dog", "l.csv", f"row {i}") for i, row in enumerate(rows, 2)]
        return project.import_labels(labels), project.labels()


def test_a_path_that_leads_out_is_told(folder, tmp_path):
    rows = [("../x.wav", None, None), ("siteA/../../x.wav", None, None), ("/x.wav", None, None)]
    report, _ = imported(folder, tmp_path, *rows)
    reason = "it is outside the folder of recordings of this project"
    assert [left.reason for left in report.not_taken] == [reason] * 3


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("siteA/night1.wav", "siteA/night1.wav"),
        ("./siteA//night1.wav", "siteA/night1.wav"),
        ("siteB/../siteA/night1.wav", "siteA/night1.wav"),
        ("siteA\\night1.wav", "siteA/night1.wav"),
        (" siteA/night1.wav ", "siteA/night1.wav"),
        ("siteA/ b .wav", "siteA/ b .wav"),
        ("{root}/siteA/night1.wav", "siteA/night1.wav"),
        ("top.wav", "top.wav"),
        ("siteB/night1.wav", None),
        ("/other/disk/night1.wav", None),
        ("C:\\sounds\\night1.wav", None),
        ("./night1.wav", None),
        ("field/siteA/night1.wav", None),
        ("{root}/night1.wav", None),
        ("siteA/night1", None),
        ("day.wav", None),
        ("day", None),
        ("night2.wav", None),
    ],
)
def test_a_path_matches_a_path(folder, tmp_path, path, found):
    path = path.format(root=folder)
    report, rows = imported(folder, tmp_path, (path, None, None))
    assert [row.path for row in rows] == ([] if found is None else [found])
    assert report.by_name == ()
    assert report.unknown_files == (() if found else (path,))
    for left in report.not_taken:
        assert str(left).startswith(f"l.csv, row 2: {path}: ")
    if path.startswith("day"):
        assert "2 recordings have this name" in report.not_taken[0].reason


@pytest.mark.parametrize("name", ["night1.wav", "night1", " night1.wav"])
def test_a_bare_name_matches_one_file_and_the_report_says_so(folder, tmp_path, name):
    report, rows = imported(folder, tmp_path, (name, None, None))
    assert [row.path for row in rows] == ["siteA/night1.wav"]
    assert report.by_name == ((name, "siteA/night1.wav"),)


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ((None, None), None),
        ((0.0, 3.0), None),
        ((0.0, 2.99), None),
        ((0.0, 3.01), None),
        ((0.004, None), "says nothing about the rest"),
        ((0.0, 2.98), "says nothing about the rest"),
        ((0.02, 3.0), "says nothing about the rest"),
        ((0.0, 3.1), "it ends at 3.1 s, but the recording ends at 3 s"),
        ((3.5, 4.0), "it starts at 3.5 s, but the recording ends at 3 s"),
    ],
)
def test_times_on_a_whole_recording(folder, tmp_path, span, reason):
    report, rows = imported(folder, tmp_path, ("top.wav", *span))
    assert (report.n_added, len(rows)) == ((0, 0) if reason else (1, 1))
    assert [reason in left.reason for left in report.not_taken] == ([True] if reason else [])


@pytest.mark.parametrize(
    ("window", "span", "found"),
    [
        (4 / 3, (0.0, 1.33), 0.0),
        (4 / 3, (1.33, 2.67), 1.333333),
        (4 / 3, (2.67, 4.0), 2.666667),
        (4 / 3, (2.67, 3.0), 2.666667),
        (2.0, (2.0, 4.0), 2.0),
        (2.0, (2.0, 3.0), 2.0),
        (2.0, (2.0, 3.5), None),
        (2.0, (2.0, 5.0), None),
        (2.0, (0.0, 4.0), None),
        (2.0, (0.0, 1.98), None),
        (2.0, (None, None), None),
        (2.0, (4.0, 6.0), None),
    ],
)
def test_times_of_windows(folder, tmp_path, window, span, found):
    report, rows = imported(folder, tmp_path, ("top.wav", *span), window=window)
    assert [row.start for row in rows] == ([] if found is None else [found])
    assert len(report.not_taken) == (found is None)


def test_a_row_beyond_the_end_says_so(folder, tmp_path):
    report, _ = imported(folder, tmp_path, ("top.wav", 4.0, 6.0), window=2.0)
    assert report.not_taken[0].reason == "it starts at 4 s, but the recording ends at 3 s"


@settings(max_examples=15)
@given(window=st.floats(0.02, 1.5), hop_share=st.floats(0.3, 1.0), data=st.data())
def test_the_nearest_window_is_labeled(folder, tmp_path_factory, window, hop_share, data):
    """Times that differ by less than the tolerance find their window, whatever the hop."""
    place, hop = tmp_path_factory.mktemp("p"), max(window * hop_share, 0.01)
    tolerance = min(0.01, hop / 4) - 1e-5
    with LabelingProject(folder, ["dog"], folder=place, window=window, hop=hop) as project:
        with project.store.read() as connection:
            from skal.label.asking.clips import usable_clips

            clips = [clip for clip in usable_clips(connection) if clip.path == "top.wav"]
        clip = data.draw(st.sampled_from(clips))
        shift = st.floats(-tolerance, tolerance)
        start, end = clip.start + data.draw(shift), clip.end + data.draw(shift)
        report = project.import_labels([ImportedLabel("top.wav", start, end, "dog")])
        assert report.not_taken == ()
        assert [row.clip_id for row in project.labels()] == [clip.id]
