"""Schemathesis against the description that the server gives of itself: nothing makes it fail."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from skal.label.web.routes.error_json import STATUS
from tests.label.web.serving import make_project, served

ROUTES = [
    ("GET", "/api/classes"),
    ("GET", "/api/classes/former"),
    ("GET", "/api/clips/{clip_id}"),
    ("GET", "/api/clips/{clip_id}/audio"),
    ("GET", "/api/clips/{clip_id}/spectrogram.png"),
    ("GET", "/api/export/{format}"),
    ("GET", "/api/found"),
    ("GET", "/api/found/next"),
    ("GET", "/api/health"),
    ("GET", "/api/next"),
    ("GET", "/api/people"),
    ("GET", "/api/problems"),
    ("GET", "/api/progress"),
    ("GET", "/api/votes"),
    ("POST", "/api/answers"),
    ("POST", "/api/classes"),
    ("POST", "/api/classes/change"),
    ("POST", "/api/corrections"),
    ("POST", "/api/found/ask"),
    ("POST", "/api/release"),
    ("POST", "/api/undo"),
]


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """Return a server of a few recordings."""
    with served(make_project(tmp_path_factory.mktemp("schema"), 6)) as serving:
        yield serving


@pytest.fixture(scope="module")
def description(serving):
    """Return what the server says of itself."""
    return schemathesis.openapi.from_url(f"{serving.url}/openapi.json")


def _find_failures(description, method, path, mode, n_requests):
    """Send requests that follow the description, or that break it; raise at a status of 5xx."""
    statuses = set()

    # Not more than that: the same requests in every run, and no folder of examples.
    @settings(
        max_examples=n_requests,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=description[path][method].as_strategy(generation_mode=mode))
    def send(case):
        response = case.call()
        statuses.add(response.status_code)
        case.validate_response(response, checks=[not_a_server_error])

    send()
    return statuses


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_makes_the_server_fail(serving, description, method, path):
    right = _find_failures(description, method, path, GenerationMode.POSITIVE, 50)
    assert right
    operation = description[path][method]
    if operation.body or operation.query or operation.path_parameters:
        wrong = _find_failures(description, method, path, GenerationMode.NEGATIVE, 50)
        assert any(status >= 400 for status in wrong)
    assert httpx.get(f"{serving.url}/api/health").status_code == 200


def test_the_description_has_every_route(serving):
    paths = httpx.get(f"{serving.url}/openapi.json").json()["paths"]
    described = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert sorted(described) == ROUTES
    possible = {str(status) for status in STATUS.values()}
    assert possible <= set(paths["/api/answers"]["post"]["responses"])


def test_a_failing_server_is_found(serving, description, monkeypatch):
    monkeypatch.setattr(type(serving.project), "release", lambda *_: 1 / 0)
    with pytest.raises(FailureGroup, match="500"):
        _find_failures(description, "POST", "/api/release", GenerationMode.POSITIVE, 5)
