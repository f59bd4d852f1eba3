"""Label without a browser: one question after another in a terminal, with the page's keys."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
import uuid

from rich.console import Console
from rich.text import Text

from skal._soundfiles import AudioReadError
from skal._windows import Window
from skal.audio import read_audio
from skal.label.asking.records import ProjectError
from skal.label.web.sounds import loudness_gain, wav_bytes

__all__ = ["Player", "find_player", "label_in_terminal", "read_keys"]

_PLAYERS = {
    "aplay": ["aplay", "-q"],
    "ffplay": ["ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"],
    "play": ["play", "-q"],
    "afplay": ["afplay"],
}
_MOST_SECONDS = 300  # of a recording that are played
_ANSWERS = {"u": "unsure", "s": "skip", "b": "bad"}
_QUIT = ("q", "\x1b", "\x03", "\x04", "")  # Escape, Ctrl-C, Ctrl-D, end of input
_HELP = "space: play   u: unsure   s: skip   b: bad recording   z: undo   +: class by name   "
_HELP += "?: help   q or Esc: stop"


def find_player():
    """Return the command of a player that is installed, or None.

    Returns
    -------
    list of str or None
        Which the name of a WAV file is added to.
    """
    return next((command for name, command in _PLAYERS.items() if shutil.which(name)), None)


class Player:
    """Plays clips one at a time, beside whatever else happens.

    Every clip is decoded here and handed over as a WAV file, evenly loud: a player neither has
    to know formats nor sees the names of files.

    Parameters
    ----------
    command : list of str or None
        As from `find_player`; None plays nothing.
    """

    def __init__(self, command):
        self.command = command
        self._process = None
        self._file = None

    def play(self, question):
        """Start to play a clip from its beginning.

        Parameters
        ----------
        question : Question
            Whose clip.

        Raises
        ------
        AudioReadError
            If the clip cannot be read.
        OSError
            If the player cannot be started, or no file be written for it.
        """
        self.stop()
        start = question.start or 0.0
        end = start + min(question.duration or _MOST_SECONDS, _MOST_SECONDS)
        y, sr = read_audio(Window(question.path, start, end))
        handle, self._file = tempfile.mkstemp(suffix=".wav", prefix="skal-")
        with os.fdopen(handle, "wb") as file:
            file.write(wav_bytes(y * loudness_gain(y), sr))
        nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        self._process = subprocess.Popen(
            [*self.command, self._file], stderr=subprocess.DEVNULL, **nothing
        )

    def stop(self):
        """Stop playing, if anything is played."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._file)
            self._file = None


@contextlib.contextmanager
def read_keys(stream=None):
    """Read keys as they are pressed; without a terminal, the characters of the input.

    Parameters
    ----------
    stream : text file object, default=None
        Where from; None: the standard input.

    Yields
    ------
    read_key : callable
        ``read_key()`` waits for a key and returns it, "" at the end of the input;
        ``read_key.line()`` waits for a line of text.
    """
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
            # Not through the stream, which would keep what was typed ahead from `line`.
            key = os.read(self.stream.fileno(), 8).decode("utf-8", "ignore")
            # Arrows and the like come as several characters that begin with Escape.
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
    """Ask one question after another, until the person stops or nothing is left.

    Parameters
    ----------
    project : LabelingProject
        Open; who gave it closes it.
    person : str
        Who labels.
    train : bool, default=True
        Whether a process learns from the answers meanwhile.
    console : rich.console.Console, default=None
        Where to write; None: the standard output.
    read_key : callable, default=None
        As from `read_keys`; None: the keyboard.
    player : Player, default=None
        None: the first that is installed of aplay, ffplay, play (SoX) and afplay.

    Returns
    -------
    int
        Answers that were given.
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

    def run(self):
        self._show_keys()
        if self.player.command is None:
            self._say("No player is installed (aplay, ffplay, play): listen yourself.", "yellow")
        again = None
        while True:
            question = again or self.project.next(self.person)
            if question is None:
                self._say("Nothing is left to ask: every clip has an answer.", "bold")
                break
            self._show(question)
            self._play(question)
            again, goes_on = self._ask(question)
            self.player.stop()
            if not goes_on:
                break
        self._say(f"{self.n_answers} answers, all saved. The same command goes on.")
        return self.n_answers

    def _ask(self, question):
        """Wait for an answer; return a question to be asked next, and whether to go on."""
        since = time.monotonic()
        # The keys of one question make one answer, however often it is sent.
        client_key = uuid.uuid4().hex
        while True:
            key = self.read_key()
            given = self._answer_of(key)
            if given is not None:
                self._send(question, given, min(time.monotonic() - since, 86_400), client_key)
                return None, True
            if key == "z":
                before = self.project.undo(self.person)
                if before is not None:
                    self._say("Taken back.", "yellow")
                    return before, True
                self._say("There is nothing to take back.", "yellow")
            elif key in _QUIT:
                return None, False
            elif key == " ":
                self._play(question)
            else:
                self._show_keys()

    def _answer_of(self, key):
        """Return kind and label that a key stands for, or None."""
        if key in _ANSWERS:
            return _ANSWERS[key], None
        named = {info.key: info.name for info in self.project.classes if info.key is not None}
        if key.lower() in named:
            return "label", named[key.lower()]
        return self._class_by_name() if key == "+" else None

    def _class_by_name(self):
        """Ask for the name of a class, which is made if there is none of this name."""
        self.console.print("class: ", end="")
        name = self.read_key.line().strip()
        if not name:
            return None
        try:
            return "label", self.project.add_class(name).name
        except ProjectError as error:
            self._say(str(error), "red")
            return None

    def _send(self, question, given, seconds, client_key):
        kind, label = given
        options = {"seconds": seconds, "client_key": client_key}
        try:
            receipt = self.project.answer(
                question.asked_id, self.person, kind, label=label, **options
            )
        except ProjectError as error:
            if error.code != "lease_lost":
                raise
            self._say(str(error), "red")
            return
        self.n_answers += 1
        guess = ""
        if receipt.guess is not None and receipt.guess_probability is not None:
            guess = f"   (the model: {receipt.guess}, {receipt.guess_probability:.0%})"
        self._say(f"  {label if kind == 'label' else kind}{guess}", "green")

    def _play(self, question):
        if self.player.command is None:
            self._say(f"  listen to {question.path}")
            return
        try:
            self.player.play(question)
        except AudioReadError as error:
            self._say(f"It cannot be played: {error.reason}. Press b: bad recording.", "red")
        except OSError as error:
            self._say(f"It cannot be played: {error}. Listen to {question.path}", "red")

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
        self._say(f"  {question.why}", "dim")
        if question.guess is not None:
            self._say(f"  the model expects {question.guess}, {question.guess_probability:.0%}")
        self._say(f"  {_summary(progress)}", "dim")

    def _show_keys(self):
        named = [(info.key or "+", info.name) for info in self.project.classes]
        self._say("   ".join(f"{key}: {name}" for key, name in named), "bold cyan")
        self._say(_HELP, "cyan")

    def _say(self, text, style=""):
        # Names of files and classes are text, never markup or codes of the terminal.
        self.console.print(Text(_printable(text), style=style))


def _summary(progress):
    """Return where a project stands, in a line."""
    words = [f"{progress.n_labeled} of {progress.n_clips} clips labeled"]
    found = progress.estimate
    if found is not None:
        words.append(f"accuracy {found.accuracy:.0%} ({found.low:.0%} to {found.high:.0%})")
    if progress.training.status == "training":
        words.append("a model is being trained")
    elif progress.training.status == "waiting" and progress.training.message:
        words.append(progress.training.message)
    elif progress.training.status == "failed":
        words.append(f"training failed: {progress.training.message}")
    return ", ".join([*words, *filter(None, [progress.advice])])


def _printable(text):
    """Return text whose control characters, which could drive a terminal, are shown as such."""
    return "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character.encode("unicode_escape").decode()
        for character in text
    )
