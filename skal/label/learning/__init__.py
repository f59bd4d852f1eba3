"""Training: the model that learns from the answers, and what it chooses to ask."""
