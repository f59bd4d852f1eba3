"""Data sets in the layouts in which they are published, made of synthetic sounds."""

import csv

import pytest
import soundfile

from skal.datasets import make_sounds
from skal.datasets.urbansound import _CLASSES as URBAN

SOUNDS = make_sounds(24, 4, duration=0.2, random_state=0).data

ESC = ["dog", "rooster", "pig", "cow", "rain", "sea_waves"]
ESC10 = {"dog", "rooster", "rain"}


def write(path, i=0, sr=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    # soundfile does not know the challenge's extension.
    kind = "AIFF" if path.suffix == ".aif" else None
    soundfile.write(path, SOUNDS[i % len(SOUNDS)], sr, format=kind)


def write_table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


@pytest.fixture
def urbansound8k(tmp_path):
    """Return a folder like UrbanSound8K's: a recording's slices share a fold."""
    home, rows = tmp_path / "UrbanSound8K", []
    for recording in range(20):
        fold, number = 1 + recording % 10, recording % 10
        for slice_number in range(3):
            name = f"{1000 + recording}-{number}-0-{slice_number}.wav"
            write(home / "audio" / f"fold{fold}" / name, recording)
            times = (slice_number * 0.5, slice_number * 0.5 + 0.2)
            row = [name, 1000 + recording, *times, 1 + recording % 2, fold, number, URBAN[number]]
            rows.append(row)
        (home / "audio" / f"fold{fold}" / ".DS_Store").write_bytes(b"x")
    columns = "slice_file_name fsID start end salience fold classID class".split()  # noqa: SIM905
    write_table(home / "metadata" / "UrbanSound8K.csv", columns, rows)
    (home / "FREESOUNDCREDITS.txt").write_text("credits")
    return home


@pytest.fixture
def esc50(tmp_path):
    """Return a folder like ESC-50's with six classes, three of them in ESC-10."""
    home, rows = tmp_path / "ESC-50-master", []
    for target, category in enumerate(ESC):
        for fold in range(1, 6):
            source = 100000 + 10 * target + fold
            for take in "AB":
                name = f"{fold}-{source}-{take}-{target}.wav"
                write(home / "audio" / name, target + fold)
                row = [name, fold, target, category, category in ESC10, source, take]
                rows.append(row)
    columns = "filename fold target category esc10 src_file take".split()  # noqa: SIM905
    write_table(home / "meta" / "esc50.csv", columns, rows)
    return home


@pytest.fixture
def esc10_old(tmp_path):
    """Return a folder like the first release of ESC-10: Ogg files in a folder for each class."""
    home = tmp_path / "ESC-10"
    for number, name in enumerate(["Dog bark", "Rain", "Sea waves"], start=1):
        for fold in range(1, 6):
            write(home / f"{number:03d} - {name}" / f"{fold}-{fold}0{number}32-A.ogg", number)
    (home / "README.md").write_text("ESC-10")
    return home


@pytest.fixture
def speech_commands(tmp_path):
    """Return a folder like Speech Commands': speakers are in one of three lists each."""
    home = tmp_path / "speech_commands"
    lists = {"validation_list.txt": [], "testing_list.txt": [], "train": []}
    for word in ["bed", "one", "seven", "two", "zero"]:
        for speaker in range(6):
            for take in range(2):
                name = f"{word}/{speaker:02x}4b1c0e_nohash_{take}.wav"
                write(home / name, speaker)
                lists[list(lists)[speaker % 3]].append(name)
    for name in ("validation_list.txt", "testing_list.txt"):
        (home / name).write_text("\n".join(lists[name]) + "\n")
    write(home / "_background_noise_" / "white_noise.wav")
    return home


@pytest.fixture
def whale(tmp_path):
    """Return a folder like the whale challenge's: AIFF files and a table of names and labels."""
    home = tmp_path / "whale_data"
    names = [f"2009032{8 + i % 2}_{i:06d}_002s3ms_TRAIN{i}_{i % 2}.aif" for i in range(1, 13)]
    for i, name in enumerate(names):
        write(home / "train" / name, i, sr=2000)
        write(home / "test" / f"test{i}.aif", i, sr=2000)
    rows = [[name, i % 2] for i, name in enumerate(names, start=1)]
    write_table(home / "train.csv", ["clip_name", "label"], rows)
    return home
