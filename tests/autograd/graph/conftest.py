"""A browser, started once, and the page of two modules in it."""

import pytest

import browser
from page_cases import DETAILS, EVIL, parts, whole
from tapegrad.autograd.graph.page import page


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "graph.html"
    path.write_text(page(f"Loss {EVIL}", whole(), parts(), DETAILS, []), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    made = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def web(started, file):
    """The page with both modules closed; afterwards it must not have complained or asked for anything."""
    started.open(file)
    yield started
    assert started.complaints() == []
    assert started.requests() == [file.as_uri()]
