"""Small folders of recordings: tones whose pitch is their class."""

from weakref import WeakKeyDictionary

import numpy as np
import soundfile

from skal.label import Trainer

PITCH = {"low": 300, "middle": 900, "high": 2000}
RATE = 8000
_TRAINERS = WeakKeyDictionary()


class Bands:
    """Embeds a clip by the largest magnitudes of some bands; no estimator."""

    def __init__(self, n_bands=3):
        self.n_bands = n_bands

    def transform(self, X):
        """Return a row for each path or address of a whole file."""
        waves = [soundfile.read(path.partition("#")[0])[0] for path in X]
        bands = np.array_split(np.abs(np.fft.rfft(np.stack(waves))), self.n_bands, axis=1)
        return np.stack([band.max(axis=1) for band in bands], axis=1)


def write_tones(folder, n_clips, classes=("low", "high"), duration=0.25, random_state=0):
    """Write files named by number; return the class of each by name."""
    rng = np.random.default_rng(random_state)
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for i in range(n_clips):
        name = classes[i % len(classes)]
        times = np.arange(round(duration * RATE)) / RATE
        pitch = PITCH[name] * (1 + 0.1 * rng.standard_normal())
        sound = 0.3 * np.sin(2 * np.pi * pitch * times) + 0.05 * rng.standard_normal(len(times))
        soundfile.write(folder / f"{i:04d}.wav", sound, RATE)
        truth[f"{i:04d}.wav"] = name
    return truth


def write_empty_names(folder, n_clips):
    """Make files that are named like sound files and hold one and the same short sound."""
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / "000000.wav"
    soundfile.write(first, np.random.default_rng(0).normal(0, 0.1, RATE // 10), RATE)
    content = first.read_bytes()
    for i in range(1, n_clips):
        (folder / f"{i:06d}.wav").write_bytes(content)


def answer_next(project, person, truth, n=1, client=None):
    """Answer the next questions truthfully; return the names of the clips in the order asked."""
    names = []
    for i in range(n):
        question = project.next(person)
        if question is None:
            break
        key = None if client is None else f"{client}-{i}"
        project.answer(question.question_id, person, "label", truth[question.name], 1.0, key)
        names.append(question.name)
    return names


def train(project):
    """Train a round, with the same trainer as long as the project is open."""
    return _TRAINERS.setdefault(project.store, Trainer(project)).train()
