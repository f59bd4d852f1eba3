"""Reading of recordings, and features: log-mel spectrograms, MFCC, embeddings, a feature store."""

from skal._utils.sound.broken import AudioReadError, Broken, HeaderWarning
from skal._utils.sound.soundfiles import audio_length, iter_windows
from skal._utils.sound.windows import Window
from skal.audio._inputs import BrokenClipsError
from skal.audio.cache import FeatureCache, build_features
from skal.audio.embedding import KNOWN_MODELS, PretrainedEmbedding
from skal.audio.features import MFCC, PCEN, LogMelSpectrogram
from skal.audio.reading import read_audio
from skal.audio.scaling import FeatureScaler

__all__ = [
    "KNOWN_MODELS",
    "MFCC",
    "PCEN",
    "AudioReadError",
    "Broken",
    "BrokenClipsError",
    "FeatureCache",
    "FeatureScaler",
    "HeaderWarning",
    "LogMelSpectrogram",
    "PretrainedEmbedding",
    "Window",
    "audio_length",
    "build_features",
    "iter_windows",
    "read_audio",
]
