"""Files that unpack to more than memory holds."""

import bz2
import gzip
import io
import lzma
import zlib

import numpy as np
import pytest

from skal._utils.files.inflated import is_bomb
from skal._utils.files.saved_models import ModelError, read_model
from skal._utils.files.sealed import _checksum, read_sealed


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_known_before_it_goes_off(tmp_path, pack):
    path = tmp_path / "model"
    path.write_bytes(pack(bytes(5_000_000)))
    assert is_bomb(path, 4_999_999)
    assert not is_bomb(path, 5_000_000)
    path.write_bytes(path.read_bytes()[:-5])
    assert not is_bomb(path, 5_000_000)


def test_a_sealed_file_is_not_unpacked(tmp_path):
    body = io.BytesIO()
    np.savez_compressed(body, **{"array.x": np.zeros(10**6)})
    rest = b"model 1\n" + body.getvalue()
    path = tmp_path / "model.skal"
    path.write_bytes(b"skal-sealed " + _checksum(rest).encode() + b" " + rest)
    with pytest.raises(ValueError, match=r"model\.skal was not written by skal"):
        read_sealed(path, "model", 1)


def test_a_model_that_is_a_bomb_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "model.joblib"
    with gzip.open(path, "wb") as file:
        for _ in range(2100):
            file.write(bytes(2**20))
    monkeypatch.setattr("skal._utils.files.saved_models.unpickle", None)
    with pytest.raises(ModelError, match="not opened"):
        read_model(path)
