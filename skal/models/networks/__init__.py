"""Networks as parameter objects, which build a Keras model when called."""

from skal.models.networks.base import Network, SpectrogramNetwork
from skal.models.networks.compact import CompactCNN
from skal.models.networks.dense import DenseNet
from skal.models.networks.piczak import PiczakCNN
from skal.models.networks.resnet import ResNet
from skal.models.networks.segments import SegmentVoting
from skal.models.networks.vggish import VGGish

__all__ = [
    "CompactCNN",
    "DenseNet",
    "Network",
    "PiczakCNN",
    "ResNet",
    "SegmentVoting",
    "SpectrogramNetwork",
    "VGGish",
]
