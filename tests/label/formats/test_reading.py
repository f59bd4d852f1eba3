"""Tables as people and other programs write them."""

import io
import os
import zipfile

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.label import LabelingProject
from skal.label.formats import LabelFileError, export_labels, read_labels
from tests.label.formats.tables import labels, row

RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def read(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    found = read_labels(path)
    for label in found:
        assert label.file == str(path) and label.row.startswith("row ")
    return [(item.path, item.start, item.end, item.label) for item in found], found.left_out


@pytest.mark.parametrize(
    "text",
    [
        "path;start;end;label\na.wav;0,5;1,25;dog\n",
        "path\tstart\tend\tlabel\na.wav\t0,5\t1,25\tdog\n",
        'path,start,end,label\na.wav,"0,5","1,25",dog\n',
        "sep=;\npath;start;end;label\na.wav;0.5;1.25;dog\n",
        '"sep=,"\r\npath,start,end,label\r\na.wav,0.5,1.25,dog\r\n',
        "sep=|\npath|start|end|label\na.wav|0.5|1.25|dog\n",
        "\ufeff path ; Start;END ; Label\n a.wav ; 0,5 ; 1,25 ;\u00a0dog \n;;;\n",
        'path, start, end, label\n"a.wav", 0.5, 1.25, "dog"\n',
        "Label,Path,Start,End,duration,notes,recorded on date\ndog,a.wav,0.5,1.25,0.75,at 3,x\n",
        "path,start,end,label,begin_s\na.wav,0.5,1.25,dog,\n",
        "path,start,end,label,probability,dog,end of call,problem\na.wav,0.5,1.25,dog,.9,.9,.1,\n",
    ],
)
def test_tables_as_people_have_them(tmp_path, text):
    assert read(tmp_path, text) == ([("a.wav", 0.5, 1.25, "dog")], [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,begin,end_s,label\na.wav,0,1,dog\n", "row 1, begin: it looks like a time"),
        ("path,begin,end_s,label\na.wav,0,1,dog\n", "row 1, end_s: it looks like a time"),
        ("path,label,startTime\na.wav,dog,1\n", "row 1, startTime: it looks like a time"),
        ("path,label,clip start [s]\na.wav,dog,1\n", "it looks like a time"),
        ("path,label,from,to\na.wav,dog,0,1\n", "row 1, to: it looks like a time"),
        ("path,label,Label\na.wav,dog,cat\n", "label: there are several columns"),
        ("sep=;\npath;lable\na.wav;dog\n", "row 2, label: no such column; did you mean 'lable'?"),
        (
            'path,start,end,label\na.wav,"1,500","2,500",dog\n',
            "row 2, start: '1,500' is ambiguous",
        ),
        ("path;start;end;label\na.wav;1.234,5;2;dog\n", "row 2, start: '1.234,5' is not a number"),
        ("sep=;\npath;label\na.wav;dog;x\n", "row 3, cells: 3, but the header has 2"),
    ],
)
def test_what_is_wrong_is_told_by_row(tmp_path, text, told):
    with pytest.raises(LabelFileError) as caught:
        read(tmp_path, text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"path": "a.wav", "Label": "dog", "START": 0.5, "End": 1.25}', None),
        ('{"path": "a.wav", "label": "dog", "start": "0,5", "end": 1.25, "begin": NaN}', None),
        ('{"path": "a.wav", "label": "dog", "begin": 0.5}', "row 1, begin: it looks like a time"),
        ('{"path": "a.wav", "label": "dog", "Label": "cat"}', "there are several keys"),
        ('{"path": "a.wav", "lable": "dog"}', "row 1, label: no such key; did you mean 'lable'?"),
        ('{"path": null, "label": "dog"}', "row 1, path: empty"),
        ('{"path": "a.wav", "label": 3}', "row 1, label: 3 is not text"),
    ],
)
def test_json_lines_as_people_have_them(tmp_path, text, told):
    if told is None:
        assert read(tmp_path, text, "x.jsonl") == ([("a.wav", 0.5, 1.25, "dog")], [])
        return
    with pytest.raises(LabelFileError) as caught:
        read(tmp_path, text, "x.jsonl")
    assert told in str(caught.value)


@pytest.mark.parametrize("label", ["NaN", "null", '""', '" "'])
def test_a_row_without_a_label_is_told(tmp_path, label):
    text = f'{{"path": "a.wav", "label": {label}}}\n{{"path": "b.wav", "label": "dog"}}'
    found, (left,) = read(tmp_path, text, "x.jsonl")
    assert found == [("b.wav", None, None, "dog")]
    assert str(left) == "row 1, label: empty"


def test_clips_that_were_answered_otherwise_are_told(tmp_path):
    _, (left,) = read(tmp_path, "path,label,kind\na.wav,,unsure\n")
    assert str(left) == "row 2, label: none, because the clip is 'unsure'"


@pytest.mark.parametrize("name", ["a.Table.1.selections.txt", "a.selections.txt", "a.txt"])
def test_a_selection_table_without_files_is_about_its_own(tmp_path, name):
    text = f'{RAVEN}\tAnnotation\n1\tWaveform 1\t1\t0.5\t1.25\t0\t4000\tthe "big" one\n'
    text += text.split("\n")[1].replace("Waveform", "Spectrogram") + "\n"
    assert read(tmp_path, text, name)[0] == [("a", 0.5, 1.25, 'the "big" one')]


def test_times_of_raven_over_several_files_need_their_offset(tmp_path):
    lines = [
        f"{RAVEN}\tBegin File\tFile Offset (s)\tCommon Name",
        "1\tSpectrogram 1\t1\t0.5\t1.25\t0\t4000\ta.wav\t0.5\towl",
        "2\tSpectrogram 1\t1\t2,5\t3,5\t0\t4000\tb.wav\t0,5\twren",
    ]
    found = [("a.wav", 0.5, 1.25, "owl"), ("b.wav", 0.5, 1.5, "wren")]
    assert read(tmp_path, "\n".join(lines), "x.txt")[0] == found
    text = "\n".join(lines).replace("File Offset (s)", "Offset")
    with pytest.raises(LabelFileError, match=r"Begin Time \(s\): no column 'file offset \(s\)'"):
        read(tmp_path, text, "x.txt")
    text = "\n".join(lines).replace("Common Name", "Whatever")
    with pytest.raises(LabelFileError, match="annotation: no such column of labels in this Raven"):
        read(tmp_path, text, "x.txt")


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        (
            "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
            "3.0,6.0,Strix aluco,Tawny Owl,0.87,site/a.wav\n",
            "x.csv",
            "site/a.wav",
        ),
        (
            "Start (s),End (s),Scientific name,Common name,Confidence\n"
            "3.0,6.0,Strix aluco,Tawny Owl,0.87\n",
            "a.BirdNET.results.csv",
            "a",
        ),
        (
            f"{RAVEN}\tCommon Name\tSpecies Code\tConfidence\tBegin Path\tFile Offset (s)\n"
            "1\tSpectrogram 1\t1\t9\t12\t0\t15000\tTawny Owl\ttawowl1\t0.87\t/x/a.wav\t3\n",
            "a.BirdNET.selection.table.txt",
            "/x/a.wav",
        ),
        (
            "filepath,start,end,scientific_name,common_name,confidence,lat,lon,week\n"
            "a.wav,3.0,6.0,Strix aluco,Tawny Owl,0.87,-1,-1,-1\n",
            "x.csv",
            "a.wav",
        ),
        (
            "label,onset_s,offset_s,onset_sample,offset_sample,notated_path,annot_path,sequence,"
            "annotation\nTawny Owl,3.0,6.0,,,a.wav,a.csv,0,0\n",
            "x.csv",
            "a.wav",
        ),
        ("label,onset_s,offset_s\nTawny Owl,3.0,6.0\n", "a.wav.csv", "a.wav"),
        ("3.000000\t6.000000\tTawny Owl\n\\\t1000.0\t2000.0\n", "a.wav.txt", "a.wav"),
        ("3,0\t6,0\tTawny Owl\r\n\\\t1000,0\t2000,0\r\n", "a.txt", "a"),
        ("3.0\t6.0\tTawny Owl\t0.8700\n", "a.BirdNET.results.txt", "a"),
    ],
)
def test_tables_of_other_programs(tmp_path, text, name, path):
    assert read(tmp_path, text, name) == ([(path, 3.0, 6.0, "Tawny Owl")], [])


def test_what_a_label_track_cannot_tell(tmp_path):
    text = "1.0\t1.0\tpoint\n\\\t10.0\t20.0\n1.0\t2.0\t\n1.0\t2.0\tdog\n"
    found, left = read(tmp_path, text, "a.txt")
    assert found == [("a", 1.0, 2.0, "dog")]
    assert [str(item) for item in left] == [
        "row 1, end: a point at 1 s, not a clip; give it an end",
        "row 3, label: empty",
    ]
    with pytest.raises(LabelFileError, match=r"row 2, cells.*"):
        read(tmp_path, "1.0\t2.0\tdog\nno times\n", "b.txt")


def test_a_folder_of_tables(tmp_path):
    read(tmp_path, "0\t1\tdog\n", "tracks/night/b.flac.txt")
    read(tmp_path, "0\t1\tcat\n", "tracks/a.wav.txt")
    found = read_labels(tmp_path / "tracks")
    assert [(item.path, item.label) for item in found] == [
        ("a.wav", "cat"),
        ("night/b.flac", "dog"),
    ]
    assert found[1].row == "night/b.flac.txt, row 1"
    (tmp_path / "tracks" / "c.txt").write_text("0\t1\tx\n1\t0\tx\n")
    with pytest.raises(LabelFileError, match=r"c\.txt, row 2, end: start=1"):
        read_labels(tmp_path / "tracks")
    (tmp_path / "none").mkdir()
    with pytest.raises(LabelFileError, match="no tables in this folder"):
        read_labels(tmp_path / "none")


def test_archives_that_cannot_be_read(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK no archive")
    with pytest.raises(LabelFileError, match="it cannot be read"):
        read_labels(tmp_path / "x.zip")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav.txt", "0\t1\tdog\n" * 1000)
    content = bytearray(stream.getvalue())
    content[60] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(LabelFileError, match="it cannot be read"):
        read_labels(tmp_path / "x.zip")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Return a folder with two recordings of 3 s."""
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "night").mkdir()
    for name in ("a.wav", "night/b.wav"):
        rng = np.random.default_rng(0)
        soundfile.write(folder / name, rng.uniform(-0.1, 0.1, 24000), 8000)
    return folder


clips = st.tuples(st.sampled_from(["a.wav", "night/b.wav"]), st.integers(0, 2))


@pytest.mark.parametrize("format", ["csv", "jsonl", "labelstudio", "raven", "audacity"])
@settings(max_examples=8)
@given(drawn=st.dictionaries(clips, labels, min_size=1), whole=st.booleans(), data=st.data())
def test_every_format_comes_back_into_a_project(
    sounds, tmp_path_factory, format, drawn, whole, data
):
    """Windows and whole recordings find their clips again, whatever the format."""
    place = tmp_path_factory.mktemp("p")
    spans = {} if whole else {"window": 1.0}
    table = {(path, 0 if whole else i): label for (path, i), label in drawn.items()}
    plain = {key: " ".join(label.split()) for key, label in table.items()}
    plain = {key: "".join(filter(str.isprintable, label)) or "x" for key, label in plain.items()}
    plain = {key: label.strip()[:50].strip() or "x" for key, label in plain.items()}
    given_rows = [
        row(path, label, *((None, None) if whole else (float(i), i + 1.0)))
        for (path, i), label in plain.items()
    ]
    extension = {"csv": ".csv", "jsonl": ".jsonl", "labelstudio": ".json", "raven": ".txt"}
    target = place / f"labels{extension.get(format, data.draw(st.sampled_from(['', '.zip'])))}"
    if not target.suffix:
        target.mkdir()
    assert export_labels(given_rows, format, target, root=sounds) == []
    with LabelingProject(sounds, set(plain.values()), folder=place / "s", **spans) as project:
        report = project.import_labels(read_labels(target))
        assert report.not_taken == report.by_name == ()
        found = {(r.path, int(r.start or 0)): r.label for r in project.labels()}
    assert found == plain
    assert not os.listdir(sounds / "night")[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path;label\na.wav;dog, small\nb.wav;cat, big\n", "dog, small"),
        ('path,label\n"a.wav" ,"dog" \n', "dog"),
        ('path;label\n"a.wav"  ; "dog, ""x"" "  \n', 'dog, "x"'),
    ],
)
def test_separators_and_blanks_behind_quotes(tmp_path, text, expected):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    assert read_labels(path)[0].label == expected


def test_an_empty_file_says_that_it_is(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("")
    with pytest.raises(LabelFileError, match="the file is empty"):
        read_labels(path)


def test_several_species_in_a_window_are_reported(tmp_path):
    path = tmp_path / "a.BirdNET.results.csv"
    path.write_text(
        "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
        "0.0,3.0,Turdus merula,Blackbird,0.9,a.wav\n"
        "0.0,3.0,Parus major,Great Tit,0.4,a.wav\n"
        "3.0,6.0,Parus major,Great Tit,0.8,a.wav\n"
    )
    found = read_labels(path)
    assert [(row.start, row.label) for row in found] == [(3.0, "Great Tit")]
    assert [left.row for left in found.left_out] == ["row 2", "row 3"]


def test_kaleidoscope(tmp_path):
    path = tmp_path / "cluster.csv"
    path.write_text(
        "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,Fmax,TOP1MATCH,MANUAL ID\n"
        "/data,site A,n1.wav,0,2.5,1.25,2000,4000,x,wren\n"
        "/data,,n2.wav,0,0,3,2000,4000,x,robin\n"
        "/data,,n2.wav,0,9,3,2000,4000,x,\n"
    )
    found = read_labels(path)
    assert [(str(row.path), row.start, row.end, row.label) for row in found] == [
        ("site A/n1.wav", 2.5, 3.75, "wren"),
        ("n2.wav", 0.0, 3.0, "robin"),
    ]
    assert [left.row for left in found.left_out] == ["row 4"]


def test_rows_that_repeat_others_are_counted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("path,label\na.wav,dog\nb.wav,cat\na.wav,dog\na.wav,dog \n")
    found = read_labels(path)
    assert [(item.path, item.label) for item in found] == [("a.wav", "dog"), ("b.wav", "cat")]
    assert [str(left) for left in found.left_out] == [
        "2 rows, label: given twice, taken once: row 4 repeats row 2, and others"
    ]
