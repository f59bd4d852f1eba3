"""What learns if the user names nothing: features that suit the recordings, a network."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skal._utils.pipelines import Chain
from skal._utils.sound.soundfiles import AudioReadError, open_sound
from skal.audio import MFCC, LogMelSpectrogram
from skal.label.store.settings import read_settings, write_settings

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


def choose_components(project, clips):
    """Return the given parts of a campaign, or defaults for the given windows."""
    from skal.strategies import MaxHerding

    transformer, model = _split(project.estimator)
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
    transformer = clone(transformer).set_params(on_error="warn")
    return Components(transformer, model, project.strategy, first)


def _split(estimator):
    """Return the transformer and the classifier of an estimator; None for what it lacks."""
    if isinstance(estimator, Pipeline) and isinstance(
        estimator.steps[0][1], (LogMelSpectrogram, MFCC)
    ):
        rest = estimator.steps[1:]
        return estimator.steps[0][1], rest[0][1] if len(rest) == 1 else Pipeline(rest)
    return None, estimator


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
