"""Files that unpack to more than memory holds."""

import bz2
import gzip
import io
import lzma
import zlib

import joblib
import numpy as np
import pytest

from skal._utils.files.checksummed import _checksum, read_checksummed
from skal._utils.files.decompression import TooLargeError, inflate, is_packed
from skal._utils.files.saved_models import ModelError, read_model

PACKERS = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_no_more_is_unpacked_than_allowed(pack):
    content = pack(b"0123456789" * 500_000)
    assert is_packed(content)
    assert inflate(content, 5_000_000) == b"0123456789" * 500_000
    with pytest.raises(TooLargeError, match="4999999 bytes"):
        inflate(content, 4_999_999)
    with pytest.raises((EOFError, zlib.error)):
        inflate(content[:-5])


def test_what_is_not_packed_stays_as_it_is():
    assert not is_packed(b"\x80\x04 a pickle")
    assert inflate(b"\x80\x04 a pickle", 1) == b"\x80\x04 a pickle"


@pytest.mark.parametrize("compress", ["zlib", "gzip", "bz2", "xz", "lzma"])
def test_models_of_joblib_in_all_its_formats(tmp_path, compress):
    path = tmp_path / "model.joblib"
    joblib.dump({"x": np.arange(10)}, path, compress=(compress, 3))
    assert read_model(path).model["x"].tolist() == list(range(10))


def test_a_checksummed_file_is_not_unpacked(tmp_path):
    body = io.BytesIO()
    np.savez_compressed(body, **{"array.x": np.zeros(10**6)})
    rest = b"model 1\n" + body.getvalue()
    path = tmp_path / "model.skal"
    path.write_bytes(b"skal-sealed " + _checksum(rest).encode() + b" " + rest)
    with pytest.raises(ValueError, match=r"model\.skal was not written by skal"):
        read_checksummed(path, "model", 1)


def test_a_model_that_is_a_bomb_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "model.joblib"
    with gzip.open(path, "wb") as file:
        for _ in range(2100):
            file.write(bytes(2**20))
    monkeypatch.setattr("skal._utils.files.pickles._Unpickler", None)
    with pytest.raises(ModelError, match="not opened"):
        read_model(path)
