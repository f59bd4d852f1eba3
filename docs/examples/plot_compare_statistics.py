"""
Compare strategies with statistics
==================================

One curve may lie above another by chance. `skal.experiment.compare` runs strategies with enough
seeds for a significant difference, from the same first labels, and tests the differences in pairs.
``skal compare`` does the same from the command line.
"""

# %%
# Runs
# ----
# Two strategies and random choice run with seven seeds each: with two comparisons, fewer seeds
# cannot be significant. Runs are kept in a folder, so the same call continues after an
# interruption.

import tempfile

from skal.experiment import compare

comparison = compare(
    {
        "dataset": {"name": "sounds", "n_samples": 240, "n_classes": 4, "snr_db": 10},
        "features": {"name": "mfcc", "n_fft": 512, "hop_length": 800, "n_mels": 32},
        "model": "logistic_regression",
        "n_initial": 20,
        "n_instances": 20,
        "budget": 120,
        "n_seeds": 7,
        "output_dir": tempfile.mkdtemp(),
        "verbose": 0,
    },
    ["margin", "entropy"],
)

# %%
# Curves
# ------
# The curves show the mean over the seeds, with its 95% bootstrap interval.

from skal.display import BudgetCurveDisplay

displays = BudgetCurveDisplay.from_compare(comparison)

# %%
# Differences
# -----------
# The area under a curve sums up a run in one number. Runs of the same seed start from the same
# labels, so they are compared in pairs; Holm's correction accounts for the number of comparisons.

import numpy as np

from skal.metrics import (
    area_under_budget_curve,
    bootstrap_interval,
    holm_correction,
    paired_test,
)

areas = {
    name: np.array([area_under_budget_curve(*curve) for curve in curves])
    for name, curves in comparison.budget_curves().items()
}
names = [name for name in areas if name != "random"]
p_values = holm_correction([paired_test(areas[name], areas["random"]) for name in names])
for name, p_value in zip(names, p_values, strict=True):
    gains = areas[name] - areas["random"]
    low, high = bootstrap_interval(gains, random_state=0)
    print(
        f"{name}: {gains.mean():+.3f} [{low:+.3f}, {high:+.3f}] against random, p = {p_value:.3f}"
    )
