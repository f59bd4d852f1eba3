"""Training of a network: targets, steps, optimizers, and validation."""
