"""Private names of scikit-learn, Keras and TensorFlow that skal uses, all in this one module.

Each comment names a replacement, in case a new version moves or drops the name.
"""

# Declared constraints of parameters, checked in fit: public estimators of scikit-learn use them
# through BaseEstimator._validate_params. In their place: a check of its own in every fit.
# _clone_parametrized is what clone calls; in its place: clone(safe=False).
from sklearn.base import _clone_parametrized, _fit_context
from sklearn.model_selection._search import BaseSearchCV  # else GridSearchCV, RandomizedSearchCV

# Rows of arrays, frames, sparse matrices and lists alike; scikit-learn documents it as a private
# name that other packages may use. In its place: skal._utils.rows.containers, case by case.
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)

# In its place: sklearn.get_config()["enable_metadata_routing"].
from sklearn.utils.metadata_routing import _routing_enabled

# Both check and convert arguments. In their place: check_array and a check of the length.
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "_check_feature_names_in",
    "_check_sample_weight",
    "_clone_parametrized",
    "_fit_context",
    "_routing_enabled",
    "_safe_indexing",
    "constants_for_variables",
    "keras_state",
    "note_determinism",
    "validate_parameter_constraints",
    "validate_params",
]


def keras_state():
    """Return Keras's module of global state, which holds its seed generator."""
    # In its place: a SeedGenerator for every layer that draws, which networks of users lack.
    from keras.src.backend.common import global_state

    return global_state


def note_determinism():
    """Make TensorFlow read its determinism setting before SciKeras 0.13 changes it."""
    # TensorFlow has no public name that reads the state.
    from tensorflow.python.framework import config

    config.is_op_determinism_enabled()


def constants_for_variables(signature):
    """Inline a function into one graph, with its variables as constants."""
    # In its place: the saved model converted to ONNX.
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    return convert_variables_to_constants_v2(signature)
