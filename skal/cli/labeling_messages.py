"""Messages of the labeling commands."""

from skal.cli.common import tell

__all__ = [
    "compare_windows",
    "tell_hearing",
    "tell_of_clips",
    "tell_of_others",
    "tell_of_pickles",
]


# Common names of a class for clips without any sound of interest.
_NOTHING = {"nothing", "none", "noise", "background", "silence", "other", "empty", "nothing here"}
_SHOWN = 20


def tell_of_clips(project):
    """Print how many clips there are, and which are set aside."""
    problems = project.problems()
    n_all = project.progress().n_clips + len(problems)
    aside = f", {len(problems)} of them set aside" if problems else ""
    tell(f"{n_all} clips{aside}")
    for name, reason in problems[:_SHOWN]:
        tell(f"set aside {name!r}: {reason}")
    if len(problems) > _SHOWN:
        tell(f"and {len(problems) - _SHOWN} more")


def tell_hearing(project):
    """Print which band and length the model uses, and suggest a class for empty clips."""
    from skal.label.learning.defaults import describe_hearing

    for line in describe_hearing(project):
        tell(line)
    if project.nothing is not None:
        return
    meant = [info.name for info in project.classes if info.name.casefold() in _NOTHING]
    if meant:
        tell(
            f"if {meant[0]!r} is for clips without any sound of interest, say so: --nothing "
            f"{meant[0]!r}"
        )
    else:
        tell(
            "no class is for clips without any sound of interest; if there are such clips, add "
            "one: --nothing NAME"
        )


def tell_of_others(folder):
    """Print which files are not recordings."""
    from skal._utils.sound.folders import audio_files, count_extensions, passed_over

    line = passed_over(count_extensions(audio_files(folder)[1]))
    if line is not None:
        tell(line)


def tell_of_pickles(project):
    """Warn that continuing a project opens its models, which are pickles."""
    if any((project.folder / "campaign").glob("*")):
        tell(
            f"{project.folder} contains Python pickles of models, which run code when opened: "
            "trust their source"
        )


def compare_windows(recognizer, window):
    """Warn if the windows differ from those that the model was trained on."""
    trained = recognizer.window or recognizer.duration
    if window is not None and trained is not None and window != trained:
        tell(
            f"warning: the model was trained on windows of {trained:g} s, but --window is "
            f"{window:g} s: its predictions may be worse"
        )
