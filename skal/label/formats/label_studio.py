"""Label Studio's JSON: a list of tasks, each a recording with its annotations."""

# A label of a whole recording is a result of type "choices"; a label of a part has type "labels",
# with start and end in s. This is what Label Studio's tags Choices and Labels write for audio.

import json
import os
import re
from urllib.parse import parse_qs, unquote, urlsplit

from skal.label.asking.kinds import LABEL
from skal.label.formats.format import Format
from skal.label.formats.problems import LabelProblem, LeftOut, check_span, parse_json

__all__ = ["FORMAT", "MINIMAL", "read_minimal"]

# Keys of every row in JSON-MIN and CSV exports, and keys that are ignored.
MINIMAL = frozenset({"annotation_id", "annotator"})
_ABOUT = MINIMAL | {"id", "created_at", "updated_at", "lead_time"}

_CHOICES, _REGION, _SOUND = "label", "region", "audio"
_UPLOADED = re.compile(r"[0-9a-f]{8}-")


def _write(rows, stream, root):
    """Write tasks; a clip without a label gets a cancelled annotation."""
    tasks = {}
    for row in rows:
        people = tasks.setdefault(os.fspath(row.path), {})
        people.setdefault(row.person, []).append(row)
    stream.write(b"[")
    for number, (path, people) in enumerate(tasks.items(), start=1):
        annotations = [
            _annotation(found, f"{number}-{i}") for i, found in enumerate(people.values())
        ]
        task = {"id": number, "data": {_SOUND: path}, "annotations": annotations}
        before = "\n" if number == 1 else ",\n"
        stream.write(f"{before}{json.dumps(task)}".encode("ascii"))
    stream.write(b"\n]\n")
    return []


def _annotation(rows, name):
    """Return the annotation of one person for one recording."""
    results = [_result(row, f"{name}-{i}") for i, row in enumerate(rows) if row.kind == LABEL]
    return {"result": results, "was_cancelled": not results, "ground_truth": False}


def _result(row, name):
    result = {"id": name, "to_name": _SOUND, "origin": "manual"}
    if row.end is None:
        kind = {"from_name": _CHOICES, "type": "choices", "value": {"choices": [row.label]}}
    else:
        value = {"start": row.start, "end": row.end, "channel": 0, "labels": [row.label]}
        kind = {"from_name": _REGION, "type": "labels", "value": value}
    return result | kind


def _read(content):
    tasks = parse_json(content)
    if not isinstance(tasks, list):
        found = tasks if isinstance(tasks, Exception) else f"it has a {type(tasks).__name__}"
        yield LabelProblem("task 1", "JSON", f"the file must have a list of tasks; {found}")
        return
    for number, task in enumerate(tasks, start=1):
        row = f"task {number}"
        if isinstance(task, dict) and "data" not in task and task.keys() >= MINIMAL:
            yield from read_minimal(row, task)
            continue
        try:
            path, annotations = _path_of(task), _annotations(task)
        except _WrongError as error:
            yield LabelProblem(row, *error.args)
            continue
        for name, annotation in annotations:
            for result in _results(annotation, name):
                is_wrong = isinstance(result, _WrongError)
                yield LabelProblem(row, *result.args) if is_wrong else (row, path, *result)


def read_minimal(row, task):
    """Yield the labels of a task of JSON-MIN or CSV, whose answers have no types."""
    try:
        path = _path_of({"data": {_SOUND: task.get(_SOUND)}})
        answers = {key: task[key] for key in task if key not in {*_ABOUT, _SOUND} and task[key]}
        if len(answers) > 1:
            reason = f"answers to several questions ({', '.join(answers)}); export one of them"
            raise _WrongError("label", reason)
        if not answers:
            yield LeftOut(row, "label", "empty")
        for key, answer in answers.items():
            yield from ((row, path, *found) for found in _minimal_labels(key, answer))
    except _WrongError as error:
        yield LabelProblem(row, *error.args)


def _minimal_labels(key, answer):
    """Yield (start, end, label) of a choice or of regions; in CSV, lists are JSON in a cell."""
    if isinstance(answer, str) and answer.lstrip()[:1] in ("[", "{"):
        answer = parse_json(answer)
    if isinstance(answer, str):
        yield None, None, answer
    elif isinstance(answer, dict):
        yield None, None, _only(answer.get("choices"), key)
    elif isinstance(answer, list) and all(isinstance(region, dict) for region in answer):
        for region in answer:
            yield *_span(region, key), _only(region.get("labels"), key)
    else:
        raise _WrongError(key, "neither a choice nor a list of regions")


class _WrongError(ValueError):
    """A key of a task, and its problem."""


def _path_of(task):
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict):
        raise _WrongError("data", 'missing; use {"audio": PATH}')
    texts = {key: value for key, value in data.items() if isinstance(value, str) and value}
    if _SOUND not in texts and len(texts) != 1:
        raise _WrongError("data.audio", f"missing; data has {', '.join(data) or 'nothing'}")
    return _local(texts.get(_SOUND) or next(iter(texts.values())))


def _local(address):
    """Return the path behind an address of Label Studio."""
    parts = urlsplit(address) if re.match(r"(?:[a-z][a-z0-9+.-]*://|/data/)", address) else None
    if parts is None:
        return address
    if parts.path.endswith("/data/local-files/") and parse_qs(parts.query).get("d"):
        return parse_qs(parts.query)["d"][0]
    if parts.path.startswith("/data/upload/"):
        # Label Studio prefixes uploaded files with eight hexadecimal digits.
        return _UPLOADED.sub("", unquote(parts.path.rsplit("/", 1)[-1]), count=1)
    return unquote(parts.path.lstrip("/"))


def _annotations(task):
    """Return keys and contents of the finished annotations."""
    # Versions before 1.0 called them completions.
    key = "annotations" if "annotations" in task else "completions"
    found = task.get(key, [])
    if not isinstance(found, list):
        raise _WrongError(key, "not a list")
    for i, annotation in enumerate(found):
        if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
            raise _WrongError(f"{key}[{i}]", "not an object with a list named result")
    named = [(f"{key}[{i}]", annotation) for i, annotation in enumerate(found)]
    return [item for item in named if not item[1].get("was_cancelled")]


def _results(annotation, name):
    """Yield (start, end, label) of choices and labeled regions, or their problems."""
    questions = {"choices": set(), "labels": set()}
    labeled = []
    for i, result in enumerate(annotation["result"]):
        where = f"{name}.result[{i}]"
        if not isinstance(result, dict) or not isinstance(result.get("value", {}), dict):
            yield _WrongError(where, "not an object with an object named value")
        elif _kind_of(result) is not None:
            labeled.append((f"{where}.value", _kind_of(result), result["value"]))
            questions[_kind_of(result)].add(str(result.get("from_name")))
    several = [f"{kind} of {', '.join(sorted(q))}" for kind, q in questions.items() if len(q) > 1]
    if several:
        reason = f"answers to several questions ({'; '.join(several)}); export one of them"
        yield _WrongError(name, reason)
        return
    for where, kind, value in labeled:
        try:
            yield *_span(value, where), _only(value[kind], f"{where}.{kind}")
        except _WrongError as error:
            yield error


def _kind_of(result):
    """Return the type of a result with a label; None for texts, ratings and others."""
    kind = result.get("type")
    return kind if kind in ("choices", "labels") and kind in result.get("value", {}) else None


def _span(value, where):
    times = [value.get("start"), value.get("end")]
    for key, time in zip(("start", "end"), times, strict=True):
        if isinstance(time, bool) or not isinstance(time, (int, float, type(None))):
            raise _WrongError(f"{where}.{key}", f"{time!r} is not a number of seconds")
    wrong = check_span(*times)
    if wrong is not None:
        raise _WrongError(f"{where}.{wrong[0]}", wrong[1])
    return times


def _only(labels, where):
    if not isinstance(labels, list) or not all(isinstance(item, str) for item in labels):
        raise _WrongError(where, "not a list of texts")
    if len(labels) != 1 or not labels[0].strip():
        raise _WrongError(where, f"{len(labels)} labels; a clip needs exactly one, not empty")
    return labels[0]


FORMAT = Format(
    name="labelstudio",
    title="Label Studio JSON",
    extension=".json",
    media_type="application/json",
    help="a task for each recording, with its annotations",
    write=_write,
    read=_read,
    reads=(".json",),
)
