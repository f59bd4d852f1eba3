"""Engine: a built network and its compiled functions, reused between fits."""

from skal.models._backend import keras
from skal.models.augmentation import CompiledDistortion, SpectrogramAugmentation
from skal.models.engine.building import build_model, claim_weights
from skal.models.engine.drawing import CompiledDraws
from skal.models.engine.prediction.dropout import CompiledSampling
from skal.models.engine.prediction.gradients import CompiledGradientLength
from skal.models.engine.prediction.inference import CompiledForward
from skal.models.engine.training.flat_training import FlatTraining
from skal.models.engine.training.optimizers import OPTIMIZERS
from skal.models.engine.training.steps import CompiledTraining
from skal.models.recipe import cosine_schedule, draw_batches

__all__ = ["Engine", "make_engine"]

NORMALIZATION = "normalization"


class Engine:
    """A network and its compiled functions, built once and reused between fits."""

    def __init__(self, network, model, initializers, optimizer, augmentation, training):
        claim_weights(model)
        self.model = model
        self.normalization = _normalization(model)
        skip = ()
        if self.normalization is not None:
            self.normalization.trainable = False
            skip = self.normalization.weights
        names = [layer.name for layer in model.layers]
        embedding = getattr(network, "embedding_layer", "embedding")
        self.training = training(model, optimizer, augmentation)
        self._draws = CompiledDraws(model, optimizer, initializers, skip)
        self.forward = CompiledForward(model, embedding if embedding in names else None)

        self._distortion = None
        self._gradient_length = None
        self._sampling = None

    @property
    def distortion(self):
        """Augmented copies of samples, compiled at the first use."""
        if self._distortion is None:
            augmentation = self.training.augmentation or SpectrogramAugmentation()
            self._distortion = CompiledDistortion(augmentation, self.model.input_shape[1:])
        return self._distortion

    @property
    def gradient_length(self):
        """Expected gradient length, compiled at the first use."""
        if self._gradient_length is None:
            self._gradient_length = CompiledGradientLength(self.model)
        return self._gradient_length

    @property
    def sampling(self):
        """Sampling passes with dropout, compiled at the first use."""
        if self._sampling is None:
            self._sampling = CompiledSampling(self.model)
        return self._sampling

    def normalize(self, mean, variance):
        """Set the statistics for normalizing the input."""
        if self.normalization is not None:
            self.normalization.moving_mean.assign(mean)
            self.normalization.moving_variance.assign(variance)

    def reset(self, random_state):
        """Draw all weights again, in place."""
        self._draws.reset(random_state)

    def shrink_perturb(self, shrink, noise, random_state):
        """Shrink the trainable weights and add freshly drawn ones."""
        self._draws.shrink_perturb(shrink, noise, random_state)

    def train(self, X, targets, weights, *, n_steps, batch_size, learning_rate, random_state,
              mean, scale):  # fmt: skip
        """Train from the present weights with a reset optimizer; yield losses."""
        self._draws.begin(random_state)
        seed = random_state.randint(2**31 - 1)
        self.training.begin(seed)
        yield from self.training.run(
            X,
            targets,
            weights,
            draw_batches(len(X), batch_size, n_steps, random_state),
            cosine_schedule(n_steps, learning_rate),
            seed,
            mean,
            scale,
        )


def _normalization(model):
    """Return the layer that normalizes the input; only skal's networks have it."""
    for layer in model.layers:
        is_plain = isinstance(layer, keras.layers.BatchNormalization) and not layer.weights[2:]
        if layer.name == NORMALIZATION and is_plain:
            return layer
    return None


def make_engine(spec, network, augmentation):
    """Build a network and its training."""
    built = build_model(
        network, spec.input_shape, spec.n_classes, spec.optimizer, spec.weight_decay
    )
    if spec.engine == "tensorflow":
        optimizer = OPTIMIZERS[spec.optimizer](spec.weight_decay)
        return Engine(network, *built, optimizer, augmentation, FlatTraining)
    config = {"class_name": spec.optimizer, "config": {"weight_decay": spec.weight_decay}}
    return Engine(network, *built, keras.optimizers.get(config), augmentation, CompiledTraining)
