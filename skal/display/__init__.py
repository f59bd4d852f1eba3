"""Plots of campaigns and clips, in scikit-learn's Display style."""

from skal.display._clips import ClipDisplay, show_clip
from skal.display._curves import BudgetCurveDisplay
from skal.display._maps import DecisionGraphDisplay, QueryMapDisplay
from skal.display._montage import MontageDisplay, show_class

__all__ = [
    "BudgetCurveDisplay",
    "ClipDisplay",
    "DecisionGraphDisplay",
    "MontageDisplay",
    "QueryMapDisplay",
    "show_class",
    "show_clip",
]
