"""Hints for misspelled words."""

import difflib

__all__ = ["did_you_mean", "name_allowed", "nearest"]


def nearest(word, choices, cutoff=0.6):
    """Return the choice most similar to a word, ignoring case, or None."""
    by_name = {str(choice).casefold(): choice for choice in choices}
    # At a cutoff of 0.5, "nope" would suggest "entropy".
    near = difflib.get_close_matches(str(word).casefold(), by_name, n=1, cutoff=cutoff)
    return by_name[near[0]] if near else None


def did_you_mean(word, choices, otherwise="", cutoff=0.6):
    """Return a hint such as "did you mean 'margin'?", or `otherwise` if no choice is near."""
    near = nearest(word, choices, cutoff)
    return otherwise if near is None else f"did you mean {str(near)!r}?"


def name_allowed(word, choices):
    """Return a hint such as "did you mean 'margin'? Allowed: entropy, margin, random"."""
    choices = sorted(choices)
    hint, names = did_you_mean(word, choices), ", ".join(choices)
    return f"{hint} Allowed: {names}" if hint else f"allowed: {names}"
