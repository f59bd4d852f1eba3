"""Training on the answers, and the choice of the next questions."""
