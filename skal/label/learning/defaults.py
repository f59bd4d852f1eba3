"""What learns if the user names nothing: features that suit the recordings, a network."""

import os
from collections import Counter
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skal._utils.pipelines import Chain
from skal._utils.sound.soundfiles import AudioReadError, open_sound
from skal.audio import FeatureCache, LogMelSpectrogram
from skal.audio._base import AudioTransformer
from skal.audio.contract import takes_recordings
from skal.audio.embedding.spec import as_embedding, parse_embedding
from skal.label.store.settings import read_settings, write_settings
from skal.models import make_embedding_classifier

__all__ = ["Components", "choose_components"]

# Number of headers to read.
_PROBED = 200
_HIGHEST_RATE = 22_050
_LONGEST = 10.0


@dataclass
class Components:
    """What learns, and what chooses: parts of a campaign."""

    transformer: object
    model: object
    strategy: object
    initial_strategy: object

    def finished(self, model):
        """Return a Pipeline of the features and a fitted model, which takes paths."""
        steps = list(model.steps) if isinstance(model, Pipeline) else [("classifier", model)]
        transformer = _with_on_error(self.transformer, "raise")
        return Pipeline([("features", transformer), *steps])


def choose_components(project, clips):
    """Return the given parts of a campaign, or defaults for the given windows."""
    from skal.strategies import MaxHerding, UncertaintyHerding

    transformer, model, strategy = *_split(project.estimator, clips), project.strategy
    embedding = _embedding_of(project)
    if embedding is not None:
        transformer = embedding
        model = make_embedding_classifier() if model is None else model
        strategy = UncertaintyHerding() if strategy is None else strategy
    if model is None:
        from skal.models import CNNClassifier

        model = CNNClassifier()
    if transformer is None:
        flat = not hasattr(Chain(model).answering, "embed")
        transformer = LogMelSpectrogram(**_features_of(project, clips), flatten=flat)
        if flat and not isinstance(model, Pipeline):
            model = make_pipeline(StandardScaler(), model)
    first = project.initial_strategy
    if first is None:
        first = MaxHerding()
    return Components(_with_on_error(transformer, "warn"), model, strategy, first)


def _with_on_error(transformer, value):
    """Return a clone that raises or warns of broken clips, if the transformer can do both."""
    if not hasattr(transformer, "get_params"):
        return transformer
    transformer = clone(transformer)
    is_ours = isinstance(transformer, AudioTransformer)
    return transformer.set_params(on_error=value) if is_ours else transformer


def _embedding_of(project):
    """Return the embedding that is given, else that of the project, or None."""
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
    """Return the transformer and the classifier of an estimator; None for what it lacks."""
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
        found = _features_for(clips)
        with project.store.write() as connection:
            write_settings(connection, {"features": found})
    return found


def _features_for(clips):
    """Return parameters of features that suit the recordings."""
    rate, duration = _probe(clips)
    # Frames of at least 50 ms, 40 a second, at any rate.
    n_fft = 2 ** int(np.ceil(np.log2(rate * 0.05)))
    return {"sr": rate, "duration": duration, "n_fft": n_fft, "hop_length": rate // 40}


def _probe(clips):
    """Return the usual sampling rate in Hz, at most 22,050, and a duration in s.

    Nine of ten clips are no longer than the duration, unless it is 10 s.
    """
    rates, lengths = Counter(), []
    step = max(1, len(clips) // _PROBED)
    for clip in clips[::step]:
        try:
            with open_sound(clip.path) as file:
                rates[file.samplerate] += 1
                end = file.frames / file.samplerate if clip.end is None else clip.end
                lengths.append(end - clip.start)
        except AudioReadError:
            continue  # computing the features reports it
    if not rates:
        return _HIGHEST_RATE, 1.0
    rate = min(_HIGHEST_RATE, rates.most_common(1)[0][0])
    duration = float(np.quantile(lengths, 0.9, method="higher"))
    return rate, min(_LONGEST, max(0.1, round(duration, 1)))
