"""Default components: features that suit the recordings, and a network."""

import math
import os
from collections import Counter
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skal._utils.estimators.flat_features import with_scaling
from skal._utils.sound.soundfiles import AudioReadError, open_sound
from skal._utils.sound.windows import Window
from skal.audio import FeatureCache, LogMelSpectrogram
from skal.audio._base import AudioTransformer
from skal.audio.contract import takes_recordings
from skal.audio.embedding.spec import as_embedding, parse_embedding
from skal.label.asking.clips import usable_clips
from skal.label.store.settings import read_settings, write_settings
from skal.models import make_embedding_classifier

__all__ = ["Components", "choose_components", "describe_hearing", "embedding_of"]

# Number of headers to read.
_PROBED = 200
# Fallback if no recording can be opened, in Hz.
_RATE = 22_050
# The default model uses at most this much of a clip, in s.
_LONGEST = 10.0


@dataclass
class Components:
    """The parts of a campaign."""

    transformer: object
    model: object
    strategy: object
    initial_strategy: object


def choose_components(project, clips):
    """Return the parts of a campaign, with defaults that suit the given windows."""
    from skal.strategies import MaxHerding, UncertaintyHerding

    transformer, model = _split(project.estimator, clips)
    strategy = project.strategy
    embedding = embedding_of(project)
    if embedding is not None:
        transformer = embedding
        model = make_embedding_classifier() if model is None else model
        strategy = UncertaintyHerding() if strategy is None else strategy
    if model is None:
        from skal.models import CNNClassifier

        model = CNNClassifier()
    if transformer is None:
        model, flatten = with_scaling(model)
        transformer = LogMelSpectrogram(**_features_of(project, clips), flatten=flatten)
    first = project.initial_strategy
    if first is None:
        first = MaxHerding()
    return Components(_setting_aside(transformer), model, strategy, first)


def _setting_aside(transformer):
    """Return a clone that warns of broken clips, if the transformer can do so."""
    if not hasattr(transformer, "get_params"):
        return transformer
    transformer = clone(transformer)
    is_ours = isinstance(transformer, AudioTransformer)
    return transformer.set_params(on_error="warn") if is_ours else transformer


def embedding_of(project):
    """Return the given embedding, else the project's, or None."""
    given = project.embedding
    if isinstance(given, (str, os.PathLike)):
        given = parse_embedding(os.fspath(given))
    if given is None:
        with project.store.read() as connection:
            given = read_settings(connection).get("embedding")
    elif isinstance(given, dict):
        given = {
            key: os.fspath(v) if isinstance(v, os.PathLike) else v for key, v in given.items()
        }
        with project.store.write() as connection:
            write_settings(connection, {"embedding": given})
    return None if given is None else as_embedding(given)


def _split(estimator, clips):
    """Split an estimator into transformer and classifier; a missing part is None."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    (_, first), *rest = estimator.steps
    spread = [str(clip) for clip in clips[:: max(1, len(clips) // 3)]]
    if not takes_recordings(first, spread):
        return None, estimator
    # The project has a store of its own.
    first = first.transformer if isinstance(first, FeatureCache) else first
    return first, rest[0][1] if len(rest) == 1 else Pipeline(rest)


def _features_of(project, clips):
    """Return stored parameters of features, or choose and store them."""
    # Chosen once: with other parameters, all features would have to be computed again.
    with project.store.read() as connection:
        found = read_settings(connection).get("features")
    if found is None:
        found = _features_for(*_probe(project, clips), project.settings["hearing"])
        with project.store.write() as connection:
            write_settings(connection, {"features": found})
    return found


def _features_for(rates, lengths, hearing):
    """Return feature parameters for the band and length of the recordings."""
    rate = int(hearing.get("sr") or (Counter(rates).most_common(1)[0][0] if rates else _RATE))
    # Covers nine of ten clips whole; rounded up because the end may matter.
    usual = float(np.quantile(lengths, 0.9, method="higher")) if lengths else 1.0
    duration = min(_LONGEST, max(0.1, math.ceil(round(usual * 100, 6)) / 100))
    limits = {name: hearing[name] for name in ("fmin", "fmax") if name in hearing}
    # Frames of at least 50 ms, 40 per second, at any sampling rate.
    n_fft = 2 ** int(np.ceil(np.log2(rate * 0.05)))
    frames = {"n_fft": n_fft, "hop_length": max(1, rate // 40)}
    return {"sr": rate, "duration": hearing.get("duration", duration), **limits, **frames}


def describe_hearing(project):
    """Describe which band and length the default model uses."""
    if embedding_of(project) is not None:
        return []  # the network decides
    root = str(project.root)
    with project.store.read() as connection:
        rows = usable_clips(connection)
    clips = [Window(f"{root}/{path}", start or 0.0, end) for _, path, start, end in rows]
    found = _features_of(project, clips)
    rates, lengths = _probe(project, clips)
    low, high = found.get("fmin", 0), found.get("fmax", found["sr"] / 2)
    seconds = found["duration"]
    lines = [f"the model uses {low:g} to {high:g} Hz and {seconds:g} s of a clip"]
    n_above = sum(rate / 2 > high for rate in rates)
    n_longer = sum(length > seconds + 0.01 for length in lengths)
    if n_above:
        lines.append(
            f"{n_above} of {len(rates)} clips reach beyond {high:g} Hz; the model ignores what "
            "is above (--sr and --fmax change it)"
        )
    if n_longer:
        advice = "--duration changes it"
        if project.settings["window"] is None:
            advice = "--window SECONDS asks about parts of them, --duration uses more"
        lines.append(
            f"{n_longer} of {len(lengths)} clips are longer than {seconds:g} s; the model "
            f"ignores the rest ({advice})"
        )
    return lines


def _probe(project, clips):
    """Return sampling rates in Hz and lengths in s of some clips that can be opened."""
    # Stored in the project, because every start needs it and a network drive may be slow.
    which = [len(clips), project.settings["window"], project.settings["hop"]]
    with project.store.read() as connection:
        found = read_settings(connection).get("probe")
    if found is None or found["of"] != which:
        rates, lengths = _read_headers(clips)
        found = {"of": which, "rates": rates, "lengths": lengths}
        with project.store.write() as connection:
            write_settings(connection, {"probe": found})
    return found["rates"], found["lengths"]


def _read_headers(clips):
    rates, lengths = [], []
    step = max(1, len(clips) // _PROBED)
    for clip in clips[::step]:
        try:
            with open_sound(clip.path) as file:
                end = file.frames / file.samplerate if clip.end is None else clip.end
                rates.append(file.samplerate)
                lengths.append(end - clip.start)
        except AudioReadError:
            continue  # computing the features reports it
    return rates, lengths
