"""Compiled passes through a trained network: probabilities, embeddings, dropout, gradients."""
