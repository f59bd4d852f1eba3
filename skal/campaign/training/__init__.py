"""Training of a round: its labels, its first weights, and the fit itself."""
