"""Clips of the project by number: sound and spectrogram."""

import os
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from skal.label.playback import loudness_gain
from skal.label.web.routes.schemas import ERRORS, ClipId, Project, Text
from skal.label.web.sounds import playable_type

__all__ = ["router"]

#: Routes of clips.
router = APIRouter(prefix="/api/clips/{clip_id}", tags=["clips"], responses=ERRORS)

_Id = Annotated[ClipId, Path(description="Number of the clip.")]
_KEEP = {"cache-control": "private, max-age=3600"}
_PIECE = 256 * 1024  # bytes
_GONE: dict[int | str, dict[str, Any]] = {410: {"description": "The file is gone"}}


class ClipOut(BaseModel):
    """A clip, and the factor that makes it as loud as the others."""

    id: int
    name: Text
    start: float | None
    end: float | None
    duration: float
    sample_rate: int
    gain: float


@router.get("", responses=_GONE)
async def clip_info(project: Project, request: Request, clip_id: _Id) -> ClipOut:
    """Return length, sampling rate and gain of a clip."""
    return await _in_turn(request, _describe, project.clip, clip_id, request.app.state.shelf)


def _describe(find, clip_id, shelf):
    clip = find(clip_id)
    y, sr = shelf.waveform(clip)
    return ClipOut(
        id=clip.id,
        name=clip.name,
        start=clip.start,
        end=clip.end,
        duration=len(y) / sr,
        sample_rate=sr,
        gain=loudness_gain(y),
    )


@router.get(
    "/audio",
    response_class=Response,
    responses={
        **_GONE,
        200: {"content": {"audio/wav": {}, "audio/flac": {}, "audio/mpeg": {}}},
        206: {"description": "The part requested by the Range header"},
        416: {"description": "The sound is shorter than that"},
    },
)
async def audio(
    project: Project,
    request: Request,
    clip_id: _Id,
    slow: Annotated[int, Query(ge=1, le=10, description="Stretch time by this factor.")] = 1,
):
    """Return the sound of a clip: its file, or a WAV file of its part."""
    # Slowing down lowers the pitch by the same factor, which makes ultrasound audible.
    return await _in_turn(request, _sound, project.clip, clip_id, request, slow)


def _sound(find, clip_id, request, slow):
    clip = find(clip_id)
    kind = playable_type(clip) if slow == 1 else None
    if kind is None:
        sound = request.app.state.shelf.wav(clip, slow)
        return _part_of(sound, request.headers.get("range"))
    return _file(clip.path, kind, request.headers)


@router.get(
    "/spectrogram.png",
    response_class=Response,
    responses={**_GONE, 200: {"content": {"image/png": {}}}},
)
async def spectrogram(
    project: Project,
    request: Request,
    clip_id: _Id,
    width: Annotated[int, Query(ge=16, le=2400, description="In CSS pixels.")] = 800,
    height: Annotated[int, Query(ge=16, le=1200, description="In CSS pixels.")] = 260,
    scale: Annotated[float, Query(ge=1, le=3, description="Pixels per CSS pixel.")] = 1,
    theme: Literal["light", "dark"] = "light",
    axis: Literal["mel", "linear"] = "mel",
    start: Annotated[float, Query(ge=0, le=1e7, description="In s, from the clip's start.")] = 0,
    end: Annotated[float | None, Query(gt=0, le=1e7, description="In s; its end.")] = None,
    low: Annotated[float, Query(ge=0, le=1e7, description="In Hz.")] = 0,
    high: Annotated[float | None, Query(ge=1, le=1e7, description="In Hz; the highest.")] = None,
    contrast: Annotated[float, Query(ge=0.25, le=8)] = 1,
):
    """Return the spectrogram of a clip, or of a part of its times and frequencies."""
    if (end is not None and end <= start) or (high is not None and high <= low):
        raise HTTPException(422, "a part ends after it starts: start < end, low < high")
    look: dict[str, object] = {
        "width": width,
        "height": height,
        "scale": scale,
        "theme": theme,
        "axis": axis,
    }
    look |= {"start": start, "end": end, "low": low, "high": high, "contrast": contrast}
    picture = await _in_turn(
        request, lambda: request.app.state.shelf.picture(project.clip(clip_id), **look)
    )
    return Response(picture, media_type="image/png", headers=_KEEP)


async def _in_turn(request, function, *args):
    """Limit concurrent calls that need much memory, without blocking a worker thread."""
    return await anyio.to_thread.run_sync(function, *args, limiter=request.app.state.drawing)


def _part_of(sound, wanted):
    """Answer with bytes, or the part that a Range header asks for."""
    status, span, headers = _span(wanted, len(sound))
    return Response(sound[span.start : span.stop], status, headers, "audio/wav")


def _file(path, kind, asked):
    """Answer with a file, or the part that a Range header asks for."""
    # Open the file before the response starts: a missing file is reported, and a file deleted
    # later is still sent.
    stream = open(path, "rb")  # noqa: SIM115 - _FileAnswer closes it
    found = os.fstat(stream.fileno())
    tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    wanted = asked.get("range") if asked.get("if-range", tag) == tag else None
    status, span, headers = _span(wanted, found.st_size)
    headers |= {"content-length": str(len(span)), "etag": tag}
    return _FileAnswer(stream, span, status, headers, kind)


class _FileAnswer(StreamingResponse):
    """Sends part of an open file in pieces, and always closes the file."""

    def __init__(self, stream, span, *args):
        super().__init__(_pieces(stream, span), *args)
        self._stream = stream

    async def __call__(self, scope, receive, send):
        with self._stream:
            await super().__call__(scope, receive, send)


def _pieces(stream, span):
    stream.seek(span.start)
    for start in range(span.start, span.stop, _PIECE):
        piece = stream.read(min(_PIECE, span.stop - start))
        if not piece:
            return
        yield piece


def _span(wanted, size):
    """Return status, bytes, and headers for a Range header with one range."""
    # RFC 9110, section 14.2, allows ignoring other headers.
    headers = {**_KEEP, "accept-ranges": "bytes"}
    limits = _limits(wanted, size)
    if limits is None:
        return 200, range(size), headers
    first, last = limits
    if first >= size or last < first:
        return 416, range(0), {"content-range": f"bytes */{size}"}
    headers["content-range"] = f"bytes {first}-{last}/{size}"
    return 206, range(first, last + 1), headers


def _limits(wanted, size):
    """Return the first and last byte of a range, or None if the header has none."""
    unit, _, text = (wanted or "").partition("=")
    first, dash, last = text.strip().partition("-")
    if unit.strip() != "bytes" or not dash or len(text) > 40:
        return None
    if not all(part == "" or (part.isascii() and part.isdecimal()) for part in (first, last)):
        return None
    if first:
        return int(first), min(int(last), size - 1) if last else size - 1
    if not last:
        return None
    return (max(0, size - int(last)), size - 1) if int(last) else (size, size)
