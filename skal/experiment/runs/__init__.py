"""Runs: plan, data, campaign, record, and the folder of results."""
