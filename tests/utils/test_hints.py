"""Hints at misspelled words."""

from skal._utils.hints import did_you_mean, name_allowed, nearest


def test_the_nearest_choice_is_found_in_whatever_case():
    assert nearest("MAGRIN", ["Margin", "random"]) == "Margin"
    assert nearest("nope", ["entropy", "margin"]) is None
    assert nearest(1235, [99, 1234]) == 1234


def test_hints():
    assert did_you_mean("Entropi", ["entropy"]) == "did you mean 'entropy'?"
    assert did_you_mean("000012.wav", ["000011.wav"], "download it", cutoff=0.95) == "download it"
    assert name_allowed("magrin", ["random", "margin"]) == (
        "did you mean 'margin'? Allowed: margin, random"
    )
    assert name_allowed("xyz", ["margin", "random"]) == "allowed: margin, random"
