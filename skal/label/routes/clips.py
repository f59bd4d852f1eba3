"""Clips: what they sound like and look like. Only clips of the project, and only by number."""

import os
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel

from skal.label.routes.schemas import ERRORS, ClipId, Project, Text
from skal.label.sounds import loudness_gain, playable_type

__all__ = ["router"]

#: Routes of clips.
router = APIRouter(prefix="/api/clips/{clip_id}", tags=["clips"], responses=ERRORS)

_Id = Annotated[ClipId, Path(description="Number of the clip.")]
_KEEP = {"cache-control": "private, max-age=3600"}
_GONE = {410: {"description": "The file is there no more"}}


class ClipOut(BaseModel):
    """A clip, with what it takes to play it as loud as the others."""

    id: int
    name: Text
    start: float | None
    end: float | None
    duration: float
    sample_rate: int
    gain: float


@router.get("", responses=_GONE)
def clip_info(project: Project, request: Request, clip_id: _Id) -> ClipOut:
    """Return length, sampling rate and gain of a clip."""
    clip = project.clip(clip_id)
    y, sr = request.app.state.shelf.waveform(clip)
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
        206: {"description": "The part that the header Range asks for"},
        416: {"description": "The sound is shorter than that"},
    },
)
def audio(project: Project, request: Request, clip_id: _Id):
    """Return the sound of a clip: its file, or a WAV of its part of the file."""
    clip = project.clip(clip_id)
    kind = playable_type(clip)
    if kind is None:
        sound = request.app.state.shelf.wav(clip)
        return _part_of(sound, request.headers.get("range"))
    status = os.stat(clip.path)
    return FileResponse(clip.path, media_type=kind, stat_result=status, headers=_KEEP)


@router.get(
    "/spectrogram.png",
    response_class=Response,
    responses={**_GONE, 200: {"content": {"image/png": {}}}},
)
def spectrogram(
    project: Project,
    request: Request,
    clip_id: _Id,
    width: Annotated[int, Query(ge=160, le=2400, description="In CSS pixels.")] = 800,
    height: Annotated[int, Query(ge=100, le=1200, description="In CSS pixels.")] = 260,
    scale: Annotated[float, Query(ge=1, le=3, description="Pixels for a CSS pixel.")] = 1,
    theme: Literal["light", "dark"] = "light",
    axis: Literal["mel", "linear"] = "mel",
):
    """Return the spectrogram of a clip, with axes in s and Hz."""
    picture = request.app.state.shelf.picture(
        project.clip(clip_id), width=width, height=height, scale=scale, theme=theme, axis=axis
    )
    return Response(picture, media_type="image/png", headers=_KEEP)


def _part_of(sound, wanted):
    """Return bytes, or the part that a Range header of one range asks for.

    Whatever else a header may say is ignored, as RFC 9110, section 14.2, allows.
    """
    size = len(sound)
    headers = {**_KEEP, "accept-ranges": "bytes"}
    limits = _limits(wanted, size)
    if limits is None:
        return Response(sound, media_type="audio/wav", headers=headers)
    first, last = limits
    if first >= size or last < first:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {first}-{last}/{size}"
    return Response(sound[first : last + 1], 206, headers, "audio/wav")


def _limits(wanted, size):
    """Return the first and the last byte of a range, or None where there is none to be read."""
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
