"""Addresses of windows survive being written and read; windows cover the recording."""

import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from skal._utils.sound.windows import as_window
from skal.audio import Window, iter_windows

times = st.integers(min_value=0, max_value=10**9).map(lambda n: n / 1000)


@given(path=st.text(min_size=1), start=times, length=times)
def test_round_trip(path, start, length):
    window = Window(path, start, round(start + length + 0.001, 3))
    assert as_window(str(window)) == window


def test_plain_paths():
    assert as_window("a#t=x.wav") == Window("a#t=x.wav")
    assert str(Window("a.wav")) == "a.wav"
    assert as_window(("x.wav#t=1,2",)) == Window("x.wav#t=1,2")


@pytest.mark.parametrize("clip", [("x.wav", 2, 1), "x.wav#t=3,3", ("x.wav", -1, 1)])
def test_empty_windows(clip):
    with pytest.raises(ValueError, match="start < end"):
        as_window(clip)


def test_other_types():
    with pytest.raises(TypeError, match="address"):
        as_window(3)


@pytest.mark.parametrize(("window", "hop"), [(0.3, None), (0.3, 0.1), (2.0, 1.0), (1.0, 1.0)])
def test_windows_cover_the_recording(tmp_path, window, hop):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    windows = list(iter_windows(path, window, hop))
    assert windows[0].start == 0 and windows[-1].end == 1.0
    for one, two in itertools.pairwise(windows):
        assert two.start == pytest.approx(one.start + (hop or window))
        assert two.start <= one.end + 1e-9 and two.end > one.end
    assert max(w.end - w.start for w in windows) <= window + 1e-9


def test_windows_of_a_part(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    assert list(iter_windows((path, 0.5, 9.0), 0.25)) == [
        (str(path), 0.5, 0.75),
        (str(path), 0.75, 1.0),
    ]
    with pytest.raises(ValueError, match="positive"):
        list(iter_windows(path, 1.0, 0.0))
