"""Features against librosa called in a loop: values first, then time and memory.

Run ``python benchmarks/bench_features.py``; ``--clips 10000`` makes the large part smaller.
Compare ratios within a run, on a machine that does nothing else.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from skal.audio import MFCC, FeatureCache, LogMelSpectrogram, read_audio
from skal.strategies.uncertainty import negative_margin

SR, SECONDS = 22050, 4
SPECTRUM = {"n_fft": 1024, "hop_length": 512}
SMALL = {"sr": 8000, "n_fft": 512, "hop_length": 200, "duration": 1.0}


def main():
    """Print the table of every part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000, help="clips of the large part")
    parser.add_argument("--repeat", type=int, default=7, help="the best of so many runs counts")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return build_in_child(*arguments.child)
    with threadpool_limits(1):
        from_waveforms(arguments.repeat)
        with tempfile.TemporaryDirectory() as folder:
            from_files(Path(folder), max(3, arguments.repeat // 2))
        with tempfile.TemporaryDirectory() as folder:
            at_scale(Path(folder), arguments.clips)
    return 0


def alternating(repeat, *functions):
    """Return the best time of every function, run in turn so that disturbances are shared."""
    best = [np.inf] * len(functions)
    for _ in range(repeat):
        for k, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[k] = min(best[k], time.perf_counter() - start)
    return best


def noise(n_clips):
    """Return waveforms of noise."""
    rng = np.random.default_rng(0)
    return rng.normal(scale=0.1, size=(n_clips, SR * SECONDS)).astype(np.float32)


def from_waveforms(repeat, n_clips=1000):
    """Compare with librosa's loop, on one core and on two; joblib itself takes 10 ms a call."""
    y = noise(n_clips)

    def log_mel(clip):
        S = librosa.feature.melspectrogram(y=clip, sr=SR, n_mels=60, **SPECTRUM)
        return librosa.power_to_db(S)

    def mfcc(clip):
        return librosa.feature.mfcc(y=clip, sr=SR, n_mels=60, **SPECTRUM)

    print(f"From waveforms: {n_clips} clips of {SECONDS} s at {SR} Hz, ms a clip")
    print(
        "            librosa   skal, 1 job   2 jobs   librosa / 1 job   1 job / 2 jobs"
        "   2 processes apart"
    )
    for name, theirs, ours in (("log-mel", log_mel, LogMelSpectrogram), ("MFCC", mfcc, MFCC)):
        one, two = (ours(**SPECTRUM, n_jobs=n_jobs) for n_jobs in (1, 2))
        # Single precision leaves about a millionth of the largest coefficient.
        expected = np.stack([theirs(clip) for clip in y[:20]])
        np.testing.assert_allclose(one.transform(y[:20])[..., 0], expected, rtol=1e-4, atol=5e-4)
        times = alternating(
            repeat,
            lambda theirs=theirs: [theirs(clip) for clip in y],
            lambda one=one: one.transform(y),
            lambda two=two: two.transform(y),
        )
        loop, single, double = (1e3 * seconds / n_clips for seconds in times)
        print(
            f"{name:8} {loop:10.2f} {single:13.2f} {double:8.2f} {loop / single:17.2f}"
            f" {single / double:16.2f} {ceiling(one, y, repeat):19.2f}"
        )


def ceiling(model, y, repeat):
    """Return how much more two processes that share nothing do than one: the machine's limit."""
    context = multiprocessing.get_context("fork")

    def processes(count):
        started = [context.Process(target=model.transform, args=(y,)) for _ in range(count)]
        for process in started:
            process.start()
        for process in started:
            process.join()

    one, two = alternating(repeat, lambda: processes(1), lambda: processes(2))
    return 2 * one / two


def from_files(folder, repeat, n_clips=100):
    """Compare with reading and resampling alone, librosa's and ours; then the second pass."""
    y = np.random.default_rng(0).normal(scale=0.1, size=(n_clips, 5 * 44100))
    print(f"\nFrom files: {n_clips} clips of 5 s at 44,100 Hz to {SR} Hz, 2 jobs, ms a clip")
    print(
        "        librosa.load alone   reading alone   log-mel   ratios to both"
        "   store, 1st pass   2nd pass   1st / 2nd"
    )
    for extension in ("ogg", "wav"):
        paths = [str(folder / f"{i}.{extension}") for i in range(n_clips)]
        for path, clip in zip(paths, y, strict=True):
            soundfile.write(path, clip, 44100)
        times = file_times(paths, folder / f"store-{extension}", repeat)
        theirs, alone, whole, first, second = (1e3 * seconds / n_clips for seconds in times)
        print(
            f"{extension:7} {theirs:18.2f} {alone:15.2f} {whole:9.2f} {whole / theirs:8.2f}"
            f" {whole / alone:6.2f} {first:17.2f} {second:10.4f} {first / second:11.0f}"
        )


def file_times(paths, store, repeat):
    """Return the seconds of reading (two ways), of the transformer, and of a store's passes."""
    model = LogMelSpectrogram(**SPECTRUM, duration=5.0, n_jobs=2)
    # In tasks of about the same size as the transformer's.
    parts = [paths[i : i + 13] for i in range(0, len(paths), 13)]

    def reading(read):
        Parallel(2, prefer="threads")(delayed(read_all)(read, part) for part in parts)

    theirs, alone, whole = alternating(
        repeat,
        lambda: reading(lambda path: librosa.load(path, sr=SR)),
        lambda: reading(lambda path: read_audio(path, SR, duration=5.0)),
        lambda: model.transform(paths),
    )
    cache = FeatureCache(model, store)
    (first,) = alternating(1, lambda: cache.transform(paths))
    (second,) = alternating(3, lambda: np.array(cache.transform(paths)))
    return theirs, alone, whole, first, second


def read_all(read, paths):
    """Read and resample files, and no more."""
    for path in paths:
        read(path)


def at_scale(folder, n_clips):
    """Build a store of many clips in a process of its own; open it and choose among them."""
    make_clips(folder, n_clips)
    print(f"\nAt scale: files of 1 s at 8 kHz, {SMALL}, 2 jobs")
    print("  clips   seconds   ms a clip   peak memory in MB (start of process: in brackets)")
    per_clip = {}
    for n in (n_clips // 10, n_clips):
        command = [sys.executable, __file__, "--child", str(folder), str(n), f"store-{n}"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        result = json.loads(printed)
        per_clip[n] = 1e3 * result["seconds"] / n
        print(
            f"{n:7} {result['seconds']:9.1f} {per_clip[n]:11.3f} {result['peak']:8.0f}"
            f" ({result['start']:.0f})"
        )
    print(f"time for 10 times as many clips: {10 * per_clip[n] / per_clip[n // 10]:.2f} times")
    paths = paths_of(folder, n_clips)
    proba = np.random.default_rng(0).dirichlet(np.ones(10), size=n_clips).astype(np.float32)

    def choose():
        cache = FeatureCache(LogMelSpectrogram(**SMALL), folder / f"store-{n_clips}")
        pool = cache.transform(paths)
        chosen = np.argpartition(-negative_margin(proba), 200)[:200]
        return np.asarray(pool[chosen])

    opened = alternating(3, choose)[0]
    print(f"opening the store of {n_clips} files and choosing 200: {opened:.2f} s")


def make_clips(folder, n_clips):
    """Make a hundred different files under many names: the disk need not hold them all."""
    rng = np.random.default_rng(0)
    for k in range(100):
        soundfile.write(folder / f"{k}.wav", rng.normal(scale=0.1, size=8000), 8000)
    for i in range(n_clips):
        place = folder / "clips" / f"{i // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(folder / f"{i % 100}.wav", place / f"{i:06d}.wav")


def paths_of(folder, n_clips):
    """Return the names of the first clips."""
    return [str(Path(folder, "clips", f"{i // 1000:03d}", f"{i:06d}.wav")) for i in range(n_clips)]


def build_in_child(folder, n_clips, store):
    """Build a store and print time and peak memory."""
    paths = paths_of(folder, int(n_clips))
    model = LogMelSpectrogram(**SMALL, n_jobs=2)
    model.transform(paths[:100])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    FeatureCache(model, Path(folder) / store).transform(paths)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": after, "start": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
