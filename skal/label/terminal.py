"""Label in a terminal, with the same keys as on the page."""

import contextlib
import os
import sys
import time
import unicodedata
import uuid

from rich.console import Console
from rich.text import Text

from skal._utils.sound.soundfiles import AudioReadError
from skal.label.asking.classes import several_names
from skal.label.asking.kinds import KINDS, LABEL, UNDO_KEY
from skal.label.playback import Player, find_player
from skal.label.store.project_error import ProjectError

__all__ = ["label_in_terminal", "read_keys"]

_ANSWERS = {kind.key: kind for kind in KINDS.values() if kind.key}
_PAGE = 10  # answers to review at a time
_REVIEW_HELP = (
    "number: listen and correct   Enter: older ones   name of a class or person: only those   "
    "!: where the model disagrees   *: all   q: back"
)
_QUIT = ("q", "\x1b", "\x03", "\x04", "")  # Escape, Ctrl-C, Ctrl-D, end of input
_HELP = "   ".join(
    [
        "space: play",
        *(f"{key}: {kind.title.lower()}" for key, kind in _ANSWERS.items()),
        f"{UNDO_KEY}: undo   <: review answers   >: find more   +: class by name   ?: help",
        "q or Esc: stop",
    ]
)


@contextlib.contextmanager
def read_keys(stream=None):
    """Read keys as they are pressed, or characters from redirected input."""
    # The yielded `read_key()` waits for a key and returns "" at the end of input;
    # `read_key.line()` waits for a line.
    keys = _Keys(sys.stdin if stream is None else stream)
    with keys:
        yield keys


class _Keys:
    def __init__(self, stream):
        self.stream = stream
        self._before = None

    def __enter__(self):
        self._raw()
        return self

    def __exit__(self, *exception):
        self._cooked()

    def __call__(self):
        if self._before is not None:
            # Read the descriptor, not the stream, whose buffer would hide type-ahead from `line`.
            key = os.read(self.stream.fileno(), 8).decode("utf-8", "ignore")
            # Arrow keys and similar keys send several characters that begin with Escape.
            return key if key in ("\x1b", "") else "?" if key[0] == "\x1b" else key[0]
        key = self.stream.read(1)
        while key in ("\n", "\r"):
            key = self.stream.read(1)
        return key

    def line(self):
        self._cooked()
        try:
            return self.stream.readline().rstrip("\r\n")
        finally:
            self._raw()

    def _raw(self):
        if not self.stream.isatty():
            return
        import termios
        import tty

        self._before = termios.tcgetattr(self.stream.fileno())
        tty.setcbreak(self.stream.fileno())

    def _cooked(self):
        if self._before is not None:
            import termios

            termios.tcsetattr(self.stream.fileno(), termios.TCSADRAIN, self._before)
            self._before = None


def label_in_terminal(project, person, *, train=True, console=None, read_key=None, player=None):
    """Ask questions until the person stops or no clips are left.

    Parameters
    ----------
    project : LabelingProject
        Open; the caller closes it.
    person : str
        Name of the person.
    train : bool, default=True
        Train the model in the background.
    console : rich.console.Console, default=None
        Console to write to. None: the standard output.
    read_key : callable, default=None
        As from `skal.label.terminal.read_keys`. None: the keyboard.
    player : Player, default=None
        Plays the clips. None: aplay, ffplay, play (SoX) or afplay, whichever is installed.

    Returns
    -------
    int
        Number of answers.

    See Also
    --------
    serve : The same in the browser.

    Examples
    --------
    The keys of a person who labels two clips with the first class, then stops:

    >>> import io
    >>> from tempfile import TemporaryDirectory
    >>> from rich.console import Console
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.label import LabelingProject, label_in_terminal
    >>> folder, keys = TemporaryDirectory(), iter("11q")
    >>> sounds = write_sounds(make_sounds(4, 1, random_state=0), folder.name)
    >>> with folder, LabelingProject(folder.name, ["dog", "siren"]) as project:
    ...     label_in_terminal(
    ...         project,
    ...         "ann",
    ...         train=False,
    ...         console=Console(file=io.StringIO()),
    ...         read_key=lambda: next(keys),
    ...     )
    2
    """
    console = Console(highlight=False) if console is None else console
    player = Player(find_player()) if player is None else player
    with contextlib.ExitStack() as stack:
        stack.callback(player.stop)
        stack.callback(project.release, person)
        if train:
            from skal.label.learning.worker import TrainingWorker

            worker = TrainingWorker(project)
            stack.callback(worker.stop)
            worker.start()
        if read_key is None:
            read_key = stack.enter_context(read_keys())
        session = _Session(project, person, console, read_key, player)
        return session.run()


class _Session:
    """One person at one terminal."""

    def __init__(self, project, person, console, read_key, player):
        self.project = project
        self.person = person
        self.console = console
        self.read_key = read_key
        self.player = player
        self.n_answers = 0
        self.finder = None
        self.query = None  # what to search for, as arguments of Finder.next

    def run(self):
        self._show_keys()
        if self.player.command is None:
            self._say(
                "No player is installed (aplay, ffplay, play): open the files yourself.", "yellow"
            )
        again = None
        while True:
            question = again or self._find() or self.project.next(self.person)
            if question is None:
                self._say("No clips are left: every clip has an answer.", "bold")
                break
            self._show(question)
            self._play(question)
            again, goes_on = self._ask(question)
            self.player.stop()
            if not goes_on:
                break
        self._say(f"{self.n_answers} answers, all saved. Run the same command to continue.")
        return self.n_answers

    def _ask(self, question):
        """Wait for an answer; return the question to ask next, if any, and whether to continue."""
        since = time.monotonic()
        # One client_key per question, so that a repeated answer is stored once.
        client_key = uuid.uuid4().hex
        while True:
            key = self.read_key()
            given = self._answer_of(key)
            if given is not None:
                self._send(question, given, min(time.monotonic() - since, 86_400), client_key)
                return None, True
            if key == UNDO_KEY:
                before = self.project.undo(self.person)
                if before is not None:
                    self._say(f"Took back your answer {before.taken_back!r}.", "yellow")
                    return before, True
                self._say("There is nothing to take back.", "yellow")
            elif key in _QUIT:
                return None, False
            elif key == " ":
                self._play(question)
            elif key == "<":
                self.player.stop()
                self._review()
                self._show(question)
                self._play(question)
            elif key == ">":
                self._search(question)
            else:
                self._show_keys()

    def _search(self, question):
        """Let the person choose what to search for after the current clip."""
        self._say(
            "Enter: more clips like this one   name of a class: more of it   "
            "-: back to the usual questions",
            "cyan",
        )
        said = self.read_key.line().strip()
        self.query = None
        if said == "":
            self.query = {"like": question.clip_id}
        elif said in [info.name for info in self.project.classes]:
            self.query = {"label": said}
        elif said != "-":
            self._say(f"There is no class {said!r}.", "red")

    def _find(self):
        """Return a question from the search, or None."""
        if self.query is None:
            return None
        if self.finder is None:
            # Imported late, because it takes a second.
            from skal.label.learning.find_more import Finder

            self.finder = Finder(self.project)
        try:
            question = self.finder.next(self.person, **self.query)
            why = "No more matches."
        except ProjectError as error:
            if error.code not in ("not_ready", "unknown_class"):
                raise
            question, why = None, str(error)
        if question is None:
            self._say(f"{why} The usual questions continue.", "yellow")
            self.query = None
        return question

    def _review(self):
        """List answers for review, newest first, and let the person correct some."""
        chosen, before = {}, None
        while True:
            votes = self.project.votes(**chosen, before=before, limit=_PAGE)
            for number, vote in enumerate(votes, 1):
                self._say(f"  {number:2}  {_described(vote)}")
            self._say(_REVIEW_HELP if votes else f"No more answers. {_REVIEW_HELP}", "cyan")
            said = self.read_key.line().strip()
            if said in ("q", "<"):
                return
            if said.isdecimal() and 1 <= int(said) <= len(votes):
                self._correct(votes[int(said) - 1])
            elif said == "":
                before = votes[-1].answer_id if votes else None
            else:
                chosen, before = self._filter(said), None

    def _filter(self, said):
        """Return the answers that match what the person typed."""
        if said == "!":
            return {"disagrees": True}
        if said in KINDS:
            return {"kind": said}
        if said in [info.name for info in self.project.classes]:
            return {"label": said}
        if said in self.project.people:
            return {"person": said}
        if said != "*":
            self._say(f"There is no class, kind or person {said!r}; showing all answers.", "red")
        return {}

    def _correct(self, vote):
        """Play the clip of an answer, and replace the answer on request."""
        clip = self.project.clip(vote.clip_id)
        self._play(clip)
        self._say(_described(vote), "bold")
        self._say("  Press the key of the right answer, space to play, or Esc to keep it.", "cyan")
        while (key := self.read_key()) == " ":
            self._play(clip)
        self.player.stop()
        given = self._answer_of(key)
        if given is None:
            self._say("  not changed", "yellow")
            return
        try:
            self.project.correct(vote.answer_id, self.person, *given)
        except ProjectError as error:
            self._say(str(error), "red")
            return
        self._say(f"  {_said(vote.kind, vote.label)} is now {_said(*given)}", "green")

    def _answer_of(self, key):
        """Return kind and label of a key, or None."""
        if key in _ANSWERS:
            return _ANSWERS[key].name, None
        named = {info.key: info.name for info in self.project.classes if info.key is not None}
        if key.lower() in named:
            return LABEL, named[key.lower()]
        return self._class_by_name() if key == "+" else None

    def _class_by_name(self):
        """Ask for the name of a class, and add the class if it is new."""
        self.console.print("class: ", end="")
        name = self.read_key.line().strip()
        if not name:
            return None
        if several_names(name) and name not in [info.name for info in self.project.classes]:
            self._say(f"Is {name!r} one class? Type it again to add it.", "yellow")
            if self.read_key.line().strip() != name:
                return None
        try:
            return LABEL, self.project.add_class(name).name
        except ProjectError as error:
            self._say(str(error), "red")
            return None

    def _send(self, question, given, seconds, client_key):
        kind, label = given
        options = {"seconds": seconds, "client_key": client_key}
        try:
            receipt = self.project.answer(
                question.question_id, self.person, kind, label=label, **options
            )
        except ProjectError as error:
            if error.code != "lease_lost":
                raise
            self._say(str(error), "red")
            return
        self.n_answers += 1
        guess = ""
        if receipt.guess is not None and receipt.guess_probability is not None:
            guess = f"   (model: {receipt.guess}, {receipt.guess_probability:.0%})"
        self._say(f"  {_said(kind, label)}{guess}", "green")

    def _play(self, question):
        if self.player.command is None:
            self._say(f"  listen to {question.path}")
            return
        try:
            self.player.play(question)
        except AudioReadError as error:
            self._say(
                f"Cannot play: {error.reason}. Press {KINDS['bad'].key}: bad recording.", "red"
            )
        except OSError as error:
            self._say(f"Cannot play: {error}. Listen to {question.path}", "red")

    def _show(self, question):
        progress = self.project.progress()
        part = (
            ""
            if question.end is None or question.start is None
            else (f", {question.start:g} to {question.end:g} s")
        )
        length = "" if question.duration is None else f" ({question.duration:.1f} s)"
        self.console.print()
        self._say(f"{question.name}{part}{length}", "bold")
        self._say(f"  {question.explanation}", "dim")
        if question.guess is not None:
            self._say(f"  the model predicts {question.guess}, {question.guess_probability:.0%}")
        self._say(f"  {_summary(progress)}", "dim")

    def _show_keys(self):
        named = [f"{info.key or '+'}: {_titled(info)}" for info in self.project.classes]
        self._say("   ".join(named), "bold cyan")
        self._say(_HELP, "cyan")

    def _say(self, text, style=""):
        # Names of files and classes are text, not markup or terminal codes.
        self.console.print(Text(_printable(text), style=style))


def _titled(info):
    return f"{info.name} (nothing of interest)" if info.nothing else info.name


def _said(kind, label):
    return label if kind == LABEL else KINDS[kind].title.lower()


def _described(vote):
    """Return an answer in one line."""
    part = "" if vote.start is None else f", {vote.start:g} to {vote.end:g} s"
    guess = f"   (model: {vote.guess}, {vote.guess_probability:.0%})" if vote.disagrees else ""
    return f"{vote.path}{part}: {_said(vote.kind, vote.label)}, by {vote.person}{guess}"


def _summary(progress):
    """Return the state of a project in one line."""
    words = [f"{progress.n_labeled} of {progress.n_clips} clips labeled"]
    found = progress.estimate
    if found is not None:
        words.append(f"accuracy {found.accuracy:.0%} ({found.low:.0%} to {found.high:.0%})")
    if progress.training.status == "training":
        words.append("training")
    elif progress.training.status == "waiting" and progress.training.message:
        words.append(progress.training.message)
    elif progress.training.status == "failed":
        words.append(f"training failed: {progress.training.message}")
    return ", ".join([*words, *filter(None, [progress.advice])])


def _printable(text):
    """Return text with control characters escaped: they could drive the terminal."""
    return "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character.encode("unicode_escape").decode()
        for character in text
    )
