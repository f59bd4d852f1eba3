"""Resumable downloads of archives into the cache folder."""

import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

__all__ = ["content_digest", "data_folder", "download", "unpack"]

# A broken connection loses at most one chunk.
_CHUNK = 2**10


def data_folder():
    """Return the folder for downloads."""
    import pooch

    named = os.environ.get("SKAL_DATA")
    return Path(named).expanduser() if named else Path(pooch.os_cache("skal"))


def download(url, target, *, known_hash=None):
    """Download a file, unless it exists."""
    # If the connection breaks, the received bytes stay in ``target + ".part"``, and the next call
    # requests only the rest if the server supports that.
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    log = pooch.get_logger()
    level = log.level
    # Silence pooch's advice to record a checksum: skal checks the content instead.
    log.setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            known_hash=known_hash,
            fname=target.name,
            path=target.parent,
            downloader=_Resuming(part),
        )
    finally:
        log.setLevel(level)
    return target


class _Resuming:
    """A downloader for pooch that keeps received bytes if the connection breaks."""

    def __init__(self, part):
        self.part = part

    def __call__(self, url, output_file, pooch, check_only=False):
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=30) as response:
            complete = response.status_code == requests.codes.requested_range_not_satisfiable
            if not complete:
                response.raise_for_status()
                resumed = response.status_code == requests.codes.partial_content
                with open(self.part, "ab" if resumed else "wb") as file:
                    for chunk in response.iter_content(_CHUNK):
                        file.write(chunk)
                self._check_length(response, have if resumed else 0)
        # Move instead of copying: a part with a wrong checksum must not be resumed.
        shutil.move(self.part, output_file)

    def _check_length(self, response, before):
        import requests

        announced = response.headers.get("Content-Length")
        have = self.part.stat().st_size
        if announced is not None and have < before + int(announced):
            raise requests.exceptions.ConnectionError(
                f"the connection broke after {have} bytes: call again to continue"
            )


def content_digest(files):
    """Return a SHA-256 of the names and contents of files, independent of packing."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def unpack(archive, folder, inside, expected):
    """Unpack the WAV files of a folder in a zip archive, after checking them."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        files = _extract(archive, inside, Path(temporary))
        found = content_digest(files)
        if found != expected:
            archive.unlink()
            raise ValueError(
                f"{str(archive)!r} is not the data set as published ({len(files)} recordings, "
                f"checksum {found}, expected {expected}); it was removed: download it again"
            )
        os.replace(Path(temporary) / "files", folder)


def _extract(archive, inside, temporary):
    target = temporary / "files"
    target.mkdir()
    try:
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                parts = Path(name).parts
                # Use only base names, so that an archive cannot write outside the folder.
                if len(parts) >= 2 and parts[-2] == inside and name.endswith(".wav"):
                    (target / parts[-1]).write_bytes(packed.read(name))
    except zipfile.BadZipFile:
        return []
    return list(target.iterdir())
