# What __init__.py hands out on first use, for type checkers, which do not run it.
from skal import audio as audio
from skal import campaign as campaign
from skal import cluster as cluster
from skal import datasets as datasets
from skal import display as display
from skal import experiment as experiment
from skal import label as label
from skal import learner as learner
from skal import metrics as metrics
from skal import models as models
from skal import recognizer as recognizer
from skal import search as search
from skal import strategies as strategies
from skal.campaign import ActiveLearningClassifier as ActiveLearningClassifier

__version__: str
