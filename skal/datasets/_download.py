"""Download archives into the cache folder, going on where a broken download stopped."""

import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

__all__ = ["content_digest", "data_folder", "download", "unpack"]

# What is lost when a connection breaks is the chunk under way.
_CHUNK = 2**10


def data_folder():
    """Return the folder that downloads go to."""
    import pooch

    named = os.environ.get("SKAL_DATA")
    return Path(named).expanduser() if named else Path(pooch.os_cache("skal"))


def download(url, target, *, known_hash=None):
    """Download a file, unless it is there."""
    # If the connection breaks, the bytes received stay in ``target + ".part"``. The next call
    # requests only the rest, if the server supports that.
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    log = pooch.get_logger()
    level = log.level
    # Without a checksum, pooch asks the user to write one down; ours is that of the content.
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
    """A downloader for pooch that keeps what it has when the connection breaks."""

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
        # Moved, not copied: a part that failed its checksum must not be taken up again.
        shutil.move(self.part, output_file)

    def _check_length(self, response, before):
        import requests

        announced = response.headers.get("Content-Length")
        have = self.part.stat().st_size
        if announced is not None and have < before + int(announced):
            raise requests.exceptions.ConnectionError(
                f"the connection broke after {have} bytes: call again to go on from there"
            )


def content_digest(files):
    """Return one SHA-256 for the names and contents of files, however they were packed."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def unpack(archive, folder, inside, expected):
    """Unpack the WAV files of one folder of a zip archive, if they are what they should be."""
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
                # Only plain names go to disk: an archive cannot write outside the folder.
                if len(parts) >= 2 and parts[-2] == inside and name.endswith(".wav"):
                    (target / parts[-1]).write_bytes(packed.read(name))
    except zipfile.BadZipFile:
        return []
    return list(target.iterdir())
