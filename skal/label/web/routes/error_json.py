"""Errors as JSON: ``{"error": {"code": ..., "message": ...}}``."""

import os

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from skal.audio import AudioReadError
from skal.label.store.project_error import ProjectError

__all__ = ["STATUS", "add_error_handlers"]

# HTTP status for each code of `ProjectError`. On 423 and 5xx, the page keeps the answer and sends
# it again.
STATUS = {
    "unknown_clip": 404,
    "unknown_question": 404,
    "no_such_project": 404,
    "lease_lost": 409,
    "superseded": 409,
    "unknown_class": 422,
    "bad_answer": 422,
    "bad_class": 422,
    "locked": 423,
    "store": 503,
    "disk_full": 507,
    "read_only": 507,
}


def add_error_handlers(app: FastAPI):
    """Make an application return errors in this form."""
    app.add_exception_handler(ProjectError, _of_project)
    app.add_exception_handler(AudioReadError, _of_recording)
    app.add_exception_handler(FileNotFoundError, _of_missing_file)
    app.add_exception_handler(RequestValidationError, _of_request)
    app.add_exception_handler(HTTPException, _of_http)


def _error(status, code, message, headers=None):
    # File names may contain bytes that are not UTF-8.
    message = str(message).encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def _of_project(request, error):
    return _error(STATUS.get(error.code, 400), error.code, error.message)


def _of_recording(request, error):
    name = os.path.basename(error.path)
    message = f"{name!r}: {error.reason}. What to do: {error.advice}."
    if os.path.exists(error.path):
        return _error(422, "unreadable_clip", message)
    return _error(410, "clip_gone", message)


def _of_missing_file(request, error):
    name = os.path.basename(error.filename or "")
    return _error(410, "clip_gone", f"{name!r}: the file is gone")


def _of_request(request, error):
    # Don't repeat the input: it may be large, and the page already has it.
    wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]]
    return _error(422, "bad_request", "; ".join(wrong))


def _of_http(request, error):
    code = {404: "not_found", 405: "not_allowed"}.get(error.status_code, "bad_request")
    return _error(error.status_code, code, error.detail, error.headers)
