"""Headers are hints: what is in a file is read, to its end, in every container."""

import io
import os
import shutil
import struct
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from skal._utils.sound import soundfiles, views
from skal.audio import (
    AudioReadError,
    HeaderWarning,
    LogMelSpectrogram,
    audio_length,
    iter_windows,
    read_audio,
)

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg here")
N = 20000
SOUND = np.random.default_rng(0).normal(scale=0.1, size=N).astype(np.float32)


def encoded(kind, subtype=None, y=SOUND, sr=8000):
    stream = io.BytesIO()
    soundfile.write(stream, y, sr, format=kind, subtype=subtype)
    return stream.getvalue()


def by_ffmpeg(path, channels=1):
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    return np.frombuffer(done.stdout, dtype="<f4").reshape(-1, channels).mean(axis=1)


def make_by_ffmpeg(path, *options, piped=False):
    source = path.with_name("source.wav")
    soundfile.write(source, SOUND, 8000)
    command = ["ffmpeg", "-v", "error", "-y", "-i", source, *options]
    if piped:
        path.write_bytes(subprocess.run([*command, "-"], capture_output=True, check=True).stdout)
    else:
        subprocess.run([*command, path], check=True)


def read_with_notes(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y, _ = read_audio(path)
    assert all(w.category is HeaderWarning for w in caught)
    return y, [str(w.message) for w in caught]


def check_all_ways(path, expected, n_notes):
    """Read a file whole, by windows and measured; all must agree."""
    y, notes = read_with_notes(path)
    assert len(y) == expected
    assert len(notes) == n_notes and all(repr(str(path)) in note for note in notes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        assert audio_length(path) == expected / 8000
        parts = [read_audio(window)[0] for window in iter_windows(path, 0.25)]
    # MPEG frames take bits from frames before the place that is looked for.
    assert np.abs(np.concatenate(parts) - y).mean() < 1e-3
    return y, notes


def patched(content, at, layout, *values):
    content = bytearray(content)
    struct.pack_into(layout, content, at, *values)
    return bytes(content)


def flac_of(announced):
    content = bytearray(encoded("FLAC"))
    packed = int.from_bytes(content[21:26], "big")
    content[21:26] = (packed >> 36 << 36 | announced).to_bytes(5, "big")
    return bytes(content)


@settings(max_examples=30)
@given(announced=st.integers(0, 10**8))
def test_any_length_in_the_header_of_a_flac(tmp_path_factory, announced):
    path = tmp_path_factory.mktemp("flac") / "x.flac"
    path.write_bytes(flac_of(announced))
    y, notes = read_with_notes(path)
    np.testing.assert_allclose(y, SOUND, atol=1e-4)
    assert len(notes) == (announced not in (0, N))
    assert all(str(announced) in note and str(N) in note for note in notes)


@pytest.mark.parametrize("announced", [0, 1, N - 1, N, N + 1, 2**36 - 1])
def test_flac_by_windows(tmp_path, announced):
    path = tmp_path / "x.flac"
    path.write_bytes(flac_of(announced))
    check_all_ways(path, N, announced not in (0, N))
    with pytest.raises(AudioReadError, match=r"ends at 2\.5 s"):
        read_audio((path, 3.0, 4.0))


def lengths(kind, content, announced):
    """Return a file whose header announces so many bytes of sound, of two for each sample."""
    if kind == "AU":
        return patched(content, 8, ">I", announced)
    at = content.index(b"SSND" if kind == "AIFF" else b"data")
    if kind == "AIFF":
        content = patched(content, at + 4, ">I", (announced + 8) % 2**32)
        return patched(content, content.index(b"COMM") + 10, ">I", announced // 2)
    if kind == "CAF":
        return patched(content, at + 4, ">q", announced + 4)
    if kind == "W64":
        return patched(content, at + 16, "<Q", announced + 24)
    if kind == "RF64":
        return patched(content, content.index(b"ds64") + 16, "<Q", announced)
    return patched(content, at + 4, "<I", announced)


CHUNKED = ["WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"]


@settings(max_examples=100)
@given(kind=st.sampled_from(CHUNKED), n=st.integers(1, 100_000), behind=st.booleans())
def test_any_length_in_other_headers(tmp_path_factory, kind, n, behind):
    content = lengths(kind, encoded(kind), 2 * n)
    path = tmp_path_factory.mktemp("chunked") / "x.wav"
    # The end of a WAV from libsndfile is that of its sound; other programs write more.
    path.write_bytes(content)
    y, notes = read_with_notes(path)
    if kind in ("AIFF", "AU", "W64", "RF64", "WAV", "WAVEX") and n == N:
        assert notes == []
    assert abs(len(y) - N) <= 32  # a few chunks may follow, which a wrong length hides
    np.testing.assert_allclose(y[:N], SOUND[: len(y)], atol=1e-4)
    assert len(notes) <= 1 and all(str(n) in note for note in notes)
    assert len(notes) == 1 or abs(n - N) <= 32


@pytest.mark.parametrize("announced", [0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000])
@pytest.mark.parametrize("kind", ["WAV", "AU", "AIFF"])
def test_unknown_lengths_are_no_numbers(tmp_path, kind, announced):
    (tmp_path / "x.wav").write_bytes(lengths(kind, encoded(kind), announced))
    check_all_ways(tmp_path / "x.wav", N, 0)


def test_chunks_behind_the_sound_are_no_sound(tmp_path):
    content = encoded("WAV")
    for behind in (
        b"LIST" + struct.pack("<I", 4) + b"INFO",
        b"abcd" + struct.pack("<I", 3) + b"xyz\0" + b"bext" + struct.pack("<I", 2) + b"ab",
        b"TAG" + bytes(125),
        bytes(3000),
        b"\1",
    ):
        (tmp_path / "x.wav").write_bytes(content + behind)
        check_all_ways(tmp_path / "x.wav", N, 0)
    empty = encoded("WAV", y=SOUND[:0])
    (tmp_path / "x.wav").write_bytes(empty + b"LIST" + bytes([4, 0, 0, 0]) * 2)
    with pytest.raises(AudioReadError, match="no samples"):
        read_audio(tmp_path / "x.wav")


def test_bw64(tmp_path):
    content = encoded("RF64")
    assert content[:4] == b"RF64"
    (tmp_path / "x.wav").write_bytes(b"BW64" + content[4:])
    y, _ = check_all_ways(tmp_path / "x.wav", N, 0)
    np.testing.assert_allclose(y, SOUND, atol=1e-4)


@pytest.mark.slow
def test_more_than_four_gigabytes(tmp_path):
    """The sound before and after the place where 32 bits wrap round; the rest is a hole."""
    path, n_bytes = tmp_path / "long.wav", 2**32 + 40_000
    head = b"RIFF" + struct.pack("<I", (n_bytes + 36) % 2**32) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    with open(path, "wb") as file:
        file.write(head + b"data" + struct.pack("<I", n_bytes % 2**32))
        file.write(np.arange(40_000, dtype="<i2").tobytes())
        file.seek(44 + n_bytes - 8)
        file.write(struct.pack("<4h", 1, 2, 3, 4))
    with pytest.warns(HeaderWarning, match=str(n_bytes // 2)):
        assert audio_length(path) == n_bytes / 16000
    with pytest.warns(HeaderWarning):
        end, _ = read_audio((path, n_bytes / 16000 - 4 / 8000, n_bytes / 16000))
    assert (end * 32768).tolist() == [1, 2, 3, 4]


@needs_ffmpeg
@pytest.mark.parametrize("kind", sorted(soundfile.available_formats()))
@pytest.mark.parametrize("cut", [False, True])
def test_every_container_as_ffmpeg(tmp_path, kind, cut):
    if kind == "RAW":
        pytest.skip("has no header")
    content = encoded(kind, sr=44100 if kind in ("MPC2K", "XI") else 8000)
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(content[: len(content) * 2 // 3] if cut else content)
    expected = by_ffmpeg(path)
    if not len(expected) or kind.startswith("MAT") or (kind == "SDS" and cut):
        pytest.skip("ffmpeg does not read it")
    y, notes = read_with_notes(path)
    # Of a frame that is cut, decoders keep all or nothing.
    assert abs(len(y) - len(expected)) <= (576 if cut and kind == "MP3" else 0)
    n = min(len(y), len(expected))
    np.testing.assert_allclose(y[:n], expected[:n], atol=2e-3)
    assert notes or not cut or kind not in (*CHUNKED, "FLAC", "OGG")


PIPED = {
    "wav": ("-f", "wav"),
    "caf": ("-f", "caf"),
    "au": ("-f", "au"),
    "flac": ("-f", "flac"),
    "ogg": ("-f", "ogg"),
    "mp3 in wav": ("-c:a", "libmp3lame", "-f", "wav"),
    "mp3": ("-c:a", "libmp3lame", "-f", "mp3"),
    "changing mp3 in wav": ("-c:a", "libmp3lame", "-q:a", "5", "-f", "wav"),
    "changing mp3": ("-c:a", "libmp3lame", "-q:a", "5", "-write_xing", "0", "-f", "mp3"),
}


@needs_ffmpeg
@pytest.mark.parametrize("kind", PIPED)
def test_what_ffmpeg_writes_to_a_pipe(tmp_path, kind):
    path = tmp_path / "x.bin"
    make_by_ffmpeg(path, *PIPED[kind], piped=True)
    expected = by_ffmpeg(path)
    y, _ = check_all_ways(path, len(expected), 0)
    np.testing.assert_allclose(y, expected, atol=1e-4)


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["w64", "aiff"])
def test_what_ffmpeg_cannot_read_again(tmp_path, kind):
    make_by_ffmpeg(tmp_path / "x.bin", "-f", kind, piped=True)
    y, _ = check_all_ways(tmp_path / "x.bin", N, 0)
    np.testing.assert_allclose(y, SOUND, atol=1e-4)


@needs_ffmpeg
def test_rf64_in_a_pipe(tmp_path):
    make_by_ffmpeg(tmp_path / "x.wav", "-rf64", "always", "-f", "wav", piped=True)
    check_all_ways(tmp_path / "x.wav", N, 0)


@needs_ffmpeg
def test_an_index_that_does_not_fit(tmp_path):
    make_by_ffmpeg(tmp_path / "one.mp3", "-c:a", "libmp3lame", "-q:a", "5")
    content = (tmp_path / "one.mp3").read_bytes()
    (tmp_path / "x.mp3").write_bytes(content + content)
    expected = by_ffmpeg(tmp_path / "x.mp3")
    y, notes = read_with_notes(tmp_path / "x.mp3")
    assert abs(len(y) - len(expected)) <= 1152 and len(y) > 1.9 * N
    assert len(notes) == 1 and str(N) in notes[0] and str(len(y)) in notes[0]


def test_a_file_is_decoded_once_to_measure_it(tmp_path, monkeypatch):
    path = tmp_path / "x.flac"
    path.write_bytes(flac_of(0))
    windows = list(iter_windows(path, 0.25))
    reads = []
    whole = views.View.readinto
    monkeypatch.setattr(
        views.View, "readinto", lambda self, b: reads.append(len(b)) or whole(self, b)
    )
    before = soundfiles._counted.cache_info().misses
    for window in windows:
        audio_length(path)
        read_audio(window)
    assert soundfiles._counted.cache_info().misses == before and reads


def test_one_warning_for_all_windows_of_a_file(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(lengths("WAV", encoded("WAV"), 8000))
    with pytest.warns(HeaderWarning, match="4000 samples.*20000"):
        windows = [str(window) for window in iter_windows(path, 0.5)]
    model = LogMelSpectrogram(sr=8000, n_fft=256, n_mels=8, n_jobs=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(model.transform(windows)) == 5
    assert len(caught) == 1


NOTES = """
import sys, threading, warnings
from skal.audio import audio_length, read_audio
def work():
    read_audio(sys.argv[1])
    audio_length(sys.argv[1])
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
import ctypes
from skal._utils.sound.silenced_stderr import quiet_c
c = ctypes.CDLL(None)
with quiet_c():
    print("from python", file=sys.stderr)
c.perror(b"from C")
"""


@pytest.mark.skipif(os.name == "nt", reason="the C library of Windows has no such variable")
def test_notes_of_libraries_do_not_reach_the_terminal(tmp_path):
    content = encoded("MP3")
    path = tmp_path / "x.mp3"
    path.write_bytes(content[:700] + bytes(range(256)) * 3 + content[700:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        soundfile.read(path)  # prints its notes
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", NOTES, path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[0] == "from python"
    assert len(done.stderr.splitlines()) == 2 and "from C" in done.stderr


def test_blas_threads_are_restored(tmp_path):
    from threadpoolctl import ThreadpoolController

    blas = ThreadpoolController().select(user_api="blas")
    model = LogMelSpectrogram(sr=8000, n_fft=256, n_mels=8)
    X = np.tile(SOUND, (20, 1))
    with blas.limit(limits=2):
        before = [library["num_threads"] for library in blas.info()]
        for _ in range(5):
            threads = [threading.Thread(target=model.transform, args=(X,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [library["num_threads"] for library in blas.info()] == before


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "int8", "uint16"])
def test_integers_are_scaled_as_files_are(tmp_path, dtype):
    info = np.iinfo(dtype)
    middle = (info.max + info.min + 1) / 2
    half = (info.max - info.min + 1) / 2
    y = (np.round(SOUND[:8000] * half) + middle).astype(dtype)
    model = LogMelSpectrogram(sr=8000, n_fft=256, n_mels=8)
    expected = model.transform(((y - middle) / half)[None].astype(np.float32))
    for X in (y[None], [y]):
        np.testing.assert_allclose(model.fit_transform(X), expected, atol=1e-4)
    if dtype == "int16":
        soundfile.write(tmp_path / "x.wav", y, 8000)
        np.testing.assert_array_equal(model.transform([tmp_path / "x.wav"]), expected)


@pytest.mark.parametrize(("huge", "rate"), [(1e22, 8000), (3e38, 8000), (3e38, 4000)])
def test_what_is_not_finite_afterwards_is_set_aside(tmp_path, huge, rate):
    y = SOUND[:8000].copy()
    soundfile.write(tmp_path / "good.wav", y, 8000, subtype="FLOAT")
    y[500:504] = huge
    soundfile.write(tmp_path / "huge.wav", y, 8000, subtype="FLOAT")
    model = LogMelSpectrogram(sr=rate, n_fft=256, n_mels=8)
    paths = [tmp_path / "huge.wav", tmp_path / "good.wav"]
    features, broken = model.transform_readable(paths)
    assert list(broken) == [0] and broken[0].path.endswith("huge.wav")
    assert len(features) == 1 and np.isfinite(features).all()
    if rate == 8000:
        assert list(model.transform_readable(np.stack([y, SOUND[:8000]]))[1]) == [0]


@pytest.mark.parametrize("size", [0, 1, 23, 2**31, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1])
@pytest.mark.parametrize("kind", ["W64", "CAF"])
def test_chunks_that_point_anywhere_end_the_search(tmp_path, kind, size):
    content = encoded(kind)
    layout, at = ("<Q", 40 + 16) if kind == "W64" else (">Q", 8 + 4)
    path = tmp_path / f"a.{kind.lower()}"
    # Of the first chunk, which is not that of the sound.
    path.write_bytes(patched(content, at, layout, size))
    try:
        assert 0 <= audio_length(path) < 10
    except AudioReadError as error:
        assert "a." in str(error)
