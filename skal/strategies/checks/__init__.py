"""Checks for query strategies, skal's and yours."""

from skal.strategies.checks.strategy_checks import check_strategy, parametrize_with_checks

__all__ = ["check_strategy", "parametrize_with_checks"]
