"""Training of a round: its labels, its initial weights, and the fit."""
