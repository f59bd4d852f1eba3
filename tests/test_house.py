"""The house rules: who may import whom, how long things are, and what is never written."""

import ast
from pathlib import Path

import pytest

import skal

ROOT = Path(skal.__file__).parent

# A room imports only from floors below its own, and never from another room of its floor.
# _utils is the ground: it imports from itself alone.
FLOORS = {
    "__main__": 7,
    "cli": 6,
    "experiment": 5,
    "label": 5,
    "campaign": 4,
    "display": 4,
    "strategies": 3,
    "datasets": 3,
    "recognizer": 3,
    "search": 3,
    "audio": 2,
    "learner": 2,
    "cluster": 2,
    "models": 1,
    "metrics": 1,
    "_utils": 0,
    "_front_door": 0,
}
# The floors inside label/: a room or a module there, see above.
LABEL_FLOORS = {
    "terminal": 6,
    "web": 5,
    "learning": 4,
    "project": 3,
    "folder_search": 4,
    "formats": 3,
    "playback": 1,
    "class_changes": 2,
    "review": 2,
    "asking": 1,
    "store": 0,
}
# Rooms of label/ that may import SQLAlchemy.
DATABASE_ROOMS = {"asking", "store"}
MAX_BODY = 50
MAX_MODULE = 500

SOURCES = sorted(ROOT.rglob("*.py"))
each_source = pytest.mark.parametrize(
    "path", SOURCES, ids=[path.relative_to(ROOT).as_posix() for path in SOURCES]
)


def _room_of_file(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _floor(room):
    assert room in FLOORS, f"{room} is a new room: give it a floor in tests/test_house.py"
    return FLOORS[room]


def _room_of_name(name):
    """Return the room of a dotted name such as skal.audio.reading, or None."""
    parts = name.split(".")
    if parts[0] != "skal" or not parts[1:2] or not parts[1]:
        return None
    if (ROOT / f"{parts[1]}.py").exists() or (ROOT / parts[1]).is_dir():
        return parts[1]
    return skal._NAMES[parts[1]].split(".")[1] if parts[1] in skal._NAMES else None


def _text(node):
    """Return the fixed beginning of a string or f-string."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text else ""


def _imported_names(tree, package):
    """Yield (line, dotted name) of everything that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package[: len(package) - node.level + 1]
                base = ".".join([*anchor, base] if base else anchor)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            yield from ((node.lineno, _text(argument)) for argument in node.args)


def _wrong_imports(source, room, package):
    wrong = []
    for line, name in _imported_names(ast.parse(source), package):
        other = _room_of_name(name)
        if other in (None, room):
            continue
        if _floor(other) >= _floor(room) and not (_floor(room) == _floor(other) == 0):
            wrong.append(f"line {line}: {room} (floor {_floor(room)}) imports {name}")
    return wrong


@each_source
def test_imports_go_down(path):
    # The front door is the ground for those who import it, and must stay as light.
    room = "_front_door" if path == ROOT / "__init__.py" else _room_of_file(path)
    package = ("skal", *path.relative_to(ROOT).parts[:-1])
    assert _wrong_imports(path.read_text(), room, package) == []


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("import skal.campaign.rounds", "strategies"),
        ("from skal.strategies import MarginSampling", "learner"),
        ("from skal import display", "models"),
        ("from skal import ActiveLearningClassifier", "learner"),
        ("def f():\n    from skal.cli import main", "experiment"),
        ("from ..campaign import rounds", "audio"),
        ("import importlib\nimportlib.import_module(f'skal.campaign.{name}')", "learner"),
        ("from skal.metrics import classification_scores", "_utils"),
    ],
)
def test_a_wrong_import_is_found(source, room):
    assert len(_wrong_imports(source, room, ("skal", room))) == 1


def test_a_right_import_passes():
    source = (
        "from skal._utils.rows.lazy import n_rows\nfrom skal import audio\nfrom .base import top"
    )
    assert _wrong_imports(source, "strategies", ("skal", "strategies")) == []


def _room_in_label(parts):
    """Return the room of label/ that a dotted name or a path leads to, or None."""
    room = parts[2].removesuffix(".py") if parts[:2] == ("skal", "label") and parts[2:] else ""
    return room if room in LABEL_FLOORS else None


def _wrong_in_label(source, room, package):
    wrong = []
    for line, name in _imported_names(ast.parse(source), package):
        other = _room_in_label(tuple(name.split(".")))
        if other not in (None, room) and LABEL_FLOORS[other] >= LABEL_FLOORS[room]:
            wrong.append(f"line {line}: {room} imports {name}")
        if name.split(".")[0] == "sqlalchemy" and room not in DATABASE_ROOMS:
            wrong.append(f"line {line}: {room} knows the database")
        if other is None and name.startswith("skal.label."):
            wrong.append(f"line {line}: {room} imports {name} through the front door")
    return wrong


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "label").rglob("*.py")),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_imports_go_down_in_label_too(path):
    parts = ("skal", *path.relative_to(ROOT).parts)
    if parts == ("skal", "label", "__init__.py"):
        return  # the front door names the rooms as texts
    assert _room_in_label(parts), f"{parts[2]} is new: give it a floor in tests/test_house.py"
    assert _wrong_in_label(path.read_text(), _room_in_label(parts), parts[:-1]) == []


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("from skal.label.asking import votes", "store"),
        ("def f():\n    from skal.label.learning.trainer import Trainer", "project"),
        ("from ..web import server", "learning"),
        ("from skal.label import LabelingProject", "web"),
        ("from sqlalchemy import select", "web"),
        ("import sqlalchemy.orm", "learning"),
    ],
)
def test_a_wrong_import_in_label_is_found(source, room):
    assert len(_wrong_in_label(source, room, ("skal", "label", room))) == 1


def _is_broad(kind):
    names = {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)} if kind else set()
    return kind is None or bool(names & {"Exception", "BaseException"})


def _reraises(handler):
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _broad_handlers(tree):
    """Return lines that swallow any exception; cleaning up and raising again is allowed."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _reraises(node):
            lines.append(node.lineno)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            lines += [node.lineno for kind in node.args if _is_broad(kind)]
    return lines


@each_source
def test_no_broad_except(path):
    assert _broad_handlers(ast.parse(path.read_text())) == []


def _private_imports(tree):
    """Return what is imported from private corners of scikit-learn, Keras and TensorFlow."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for package, *rest in (name.split(".") for name in names):
            inner = {"keras": {"src"}, "tensorflow": {"python"}}.get(package, set())
            hidden = {part for part in rest if part[0] == "_" and part[:2] != "__"}
            if package in {"sklearn", "keras", "tensorflow"} and (hidden or inner & set(rest)):
                found.append(".".join([package, *rest]))
    return found


@each_source
def test_private_names_of_others_are_in_one_module(path):
    if path != ROOT / "_utils" / "private.py":
        assert _private_imports(ast.parse(path.read_text())) == []


def test_a_private_import_is_found():
    source = "from sklearn.utils import _safe_indexing\nimport keras.src.backend\nimport keras"
    assert len(_private_imports(ast.parse(source))) == 2


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ("try:\n    f()\nexcept:\n    pass", 1),
        ("try:\n    f()\nexcept (OSError, Exception) as e:\n    log(e)", 1),
        ("with contextlib.suppress(Exception):\n    f()", 1),
        ("try:\n    f()\nexcept BaseException:\n    tidy()\n    raise", 0),
        ("try:\n    f()\nexcept OSError:\n    pass", 0),
    ],
)
def test_a_broad_except_is_found(source, n_found):
    assert len(_broad_handlers(ast.parse(source))) == n_found


def _functions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _body(function):
    """Return the statements of a function without its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


@each_source
def test_functions_fit_a_screen(path):
    long = []
    for function in _functions(ast.parse(path.read_text())):
        body = _body(function)
        n_lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        if n_lines >= MAX_BODY:
            long.append(f"line {function.lineno}: {function.name} has {n_lines} lines")
    assert long == []


@each_source
def test_modules_are_short(path):
    n_lines = len(path.read_text().splitlines())
    assert n_lines < MAX_MODULE, f"{n_lines} lines: a subject of its own wants out of this module"


def _is_stub(function, is_method):
    """Tell whether a function promises something and does nothing."""
    if any("abstractmethod" in ast.unparse(d) for d in function.decorator_list):
        return False
    if is_method and function.body and not _body(function):
        return False  # a null object's method, whose docstring says that it does nothing
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in _body(function)
    )


def _stubs(tree):
    stubs = [
        node.name
        for parent in ast.walk(tree)
        for node in ast.iter_child_nodes(parent)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and _is_stub(node, is_method=isinstance(parent, ast.ClassDef))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            names = {n.id for n in ast.walk(node.exc) if isinstance(n, ast.Name)}
            stubs += sorted(names & {"NotImplementedError", "NotImplemented"})
    return stubs


@each_source
def test_no_stubs(path):
    assert _stubs(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ("def f():\n    raise NotImplementedError('later')", 1),
        ("def f():\n    '''Do it.'''", 1),
        ("def f():\n    ...", 1),
        ("@abstractmethod\ndef f():\n    '''Do it.'''", 0),
        ("class A:\n    def f(self):\n        pass", 1),
        ("class A:\n    def f(self):\n        '''Leave things as they are.'''", 0),
        ("def f():\n    return NotImplemented", 0),
    ],
)
def test_a_stub_is_found(source, n_found):
    assert len(_stubs(ast.parse(source))) == n_found


@each_source
def test_modules_say_what_they_are(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
