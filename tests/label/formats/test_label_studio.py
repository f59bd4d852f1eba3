"""Label Studio's JSON."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skal.label.asking.records import ImportedLabel
from skal.label.formats import LabelFileError, read_labels
from tests.label.formats.tables import row, written


def test_label_studio_gets_tasks_with_annotations():
    rows = [
        row("a.wav", "dog"),
        row("b.wav", "owl", 0.5, 2.0),
        row("b.wav", "rain", 2.0, 4.0),
        row("c.wav", None, kind="skip"),
        row("a.wav", "cat", person="bob"),
    ]
    tasks = json.loads(written(rows, "labelstudio")[0])
    assert [task["data"] for task in tasks] == [{"audio": f"{name}.wav"} for name in "abc"]
    ada, bob = (annotation["result"] for annotation in tasks[0]["annotations"])
    assert {key: ada[0][key] for key in ("from_name", "to_name", "type", "value")} == {
        "from_name": "label",
        "to_name": "audio",
        "type": "choices",
        "value": {"choices": ["dog"]},
    }
    assert bob[0]["value"] == {"choices": ["cat"]}
    regions = tasks[1]["annotations"][0]["result"]
    assert [region["type"] for region in regions] == ["labels", "labels"]
    assert regions[1]["value"] == {"start": 2.0, "end": 4.0, "channel": 0, "labels": ["rain"]}
    assert tasks[2]["annotations"] == [
        {"result": [], "was_cancelled": True, "ground_truth": False}
    ]
    names = [result["id"] for task in tasks for a in task["annotations"] for result in a["result"]]
    assert len({(task["id"]) for task in tasks}) == 3
    assert len(set(names)) == len(names) == 4


def task(address, *choices, **more):
    result = {"from_name": "class", "to_name": "sound", "type": "choices", "id": "Y3NH3ghJgg"}
    annotation = {"id": 1001, "result": [result | {"value": {"choices": list(choices)}}]}
    return {"id": 1, "data": {"audio": address}, "annotations": [annotation | more]}


def imported(tmp_path, tasks):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return read_labels(path)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("field/a.wav", "field/a.wav"),
        ("/data/upload/3/0a1b2c3d-a%20b.wav", "a b.wav"),
        ("/data/local-files/?d=field/a%20b.wav", "field/a b.wav"),
        ("http://localhost:8080/data/local-files/?d=field/a.wav", "field/a.wav"),
        ("https://example.org/sounds/a%C3%A4.wav", "sounds/aä.wav"),
        ("s3://bucket/field/a.wav", "field/a.wav"),
        ("/home/ada/a.wav", "/home/ada/a.wav"),
    ],
)
def test_addresses_of_label_studio_are_paths(tmp_path, address, path):
    assert imported(tmp_path, [task(address, "dog")]) == [ImportedLabel(path, None, None, "dog")]


def test_only_finished_annotations_are_taken(tmp_path):
    tasks = [
        task("a.wav", "dog"),
        task("b.wav", was_cancelled=True),
        {"data": {"audio": "c.wav"}, "predictions": task("c.wav", "cat")["annotations"]},
        {"data": {"audio": "d.wav"}, "annotations": []},
        {"data": {"url": "e.wav"}, "completions": task("e.wav", "cat")["annotations"]},
    ]
    tasks[0]["annotations"][0]["result"].append({"type": "textarea", "value": {"text": ["hm"]}})
    tasks[0]["annotations"].append(tasks[0]["annotations"][0])
    found = imported(tmp_path, tasks)
    assert [(item.path, item.label) for item in found] == [("a.wav", "dog"), ("e.wav", "cat")]


def test_all_problems_of_label_studio_are_told_at_once(tmp_path):
    region = {"type": "labels", "value": {"start": 2, "end": 1, "labels": ["dog"]}}
    several = task("g.wav", "dog")
    several["annotations"][0]["result"].append(
        {"from_name": "loudness", "type": "choices", "value": {"choices": ["loud"]}}
    )
    tasks = [
        task("a.wav", "dog", "cat"),
        "no task",
        {"data": {"left": "a.wav", "right": "b.wav"}, "annotations": []},
        {"data": {"audio": "c.wav"}, "annotations": [{"result": [region, {"value": 3}]}]},
        task("d.wav", "dog"),
        task("d.wav", "cat"),
        {"data": {"audio": "f.wav"}, "annotations": {}},
        several,
    ]
    with pytest.raises(LabelFileError) as caught:
        imported(tmp_path, tasks)
    found = [(p.row, p.key) for p in caught.value.problems]
    assert found == [
        ("task 1", "annotations[0].result[0].value.choices"),
        ("task 2", "data"),
        ("task 3", "data.audio"),
        ("task 4", "annotations[0].result[1]"),
        ("task 4", "annotations[0].result[0].value.end"),
        ("task 6", "label"),
        ("task 7", "annotations"),
        ("task 8", "annotations[0]"),
    ]
    assert "8 problems; nothing was taken" in str(caught.value)


ABOUT = {"id": 1, "annotator": 1, "annotation_id": 2, "lead_time": 3.5, "created_at": "2026"}


def minimal(tmp_path, answer, kind, **more):
    row = ABOUT | {"audio": "/data/upload/3/0a1b2c3d-a.wav", "sound": answer} | more
    path = tmp_path / f"x.{kind}"
    if kind == "json":
        path.write_text(json.dumps([row]))
    else:
        table = pd.DataFrame([row])
        for key in table:
            table[key] = [v if isinstance(v, str) else json.dumps(v) for v in table[key]]
        table.to_csv(path, index=False)
    found = read_labels(path)
    return [(item.path, item.start, item.end, item.label) for item in found], found.left_out


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_exports_without_types(tmp_path, kind):
    assert minimal(tmp_path, "dog", kind)[0] == [("a.wav", None, None, "dog")]
    regions = [{"start": i, "end": i + 1, "channel": 0, "labels": ["dog"]} for i in (0, 1.5)]
    found = [("a.wav", 0, 1, "dog"), ("a.wav", 1.5, 2.5, "dog")]
    assert minimal(tmp_path, regions, kind)[0] == found
    found, (left,) = minimal(tmp_path, "", kind)
    assert (found, left.key, left.reason) == ([], "label", "empty")
    with pytest.raises(LabelFileError, match="sound: 2 labels; a clip needs exactly one"):
        minimal(tmp_path, {"choices": ["dog", "cat"]}, kind)
    with pytest.raises(LabelFileError, match=r"several questions \(sound, loud\)"):
        minimal(tmp_path, "dog", kind, loud="yes")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "audio", "annotations", "result", "value", "type", "choices"])
            | st.sampled_from(["labels", "start", "end", "was_cancelled", "from_name"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(content=json_values)
def test_any_json_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "x.json"
    path.write_text(json.dumps(content))
    try:
        assert all(isinstance(item.label, str) for item in read_labels(path))
    except LabelFileError as error:
        assert error.problems


@given(content=st.binary(max_size=200), name=st.sampled_from(["x.csv", "x.json", "x.jsonl"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(content)
    try:
        read_labels(path)
    except LabelFileError as error:
        assert error.problems
