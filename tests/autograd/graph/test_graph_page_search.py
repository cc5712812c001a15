"""The interactive page in headless Chromium: searching, and what is dimmed meanwhile."""

import pytest

from page_cases import NEEDS_BROWSER, center, close_to, ids, opened, text

pytestmark = NEEDS_BROWSER


def search(web, words):
    web.press("/")
    web.type(words)


def test_search_marks_and_goes_through_matches(web):
    search(web, "LAYERS")
    assert ids(web, ".match") == ["block-0", "block-1"]
    assert text(web, "count") == "2"
    for expected in ("block-0", "block-1", "block-0"):
        web.press("Enter")
        assert ids(web, ".chosen") == [expected]
        assert close_to(center(web, expected), (500, 400), 5)  # the badge stands out a little
    assert text(web, "count") == "1 of 2"
    web.press("Enter", shift=True)
    assert ids(web, ".chosen") == ["block-1"]
    web.press("Escape")
    assert ids(web, ".match") == [] and text(web, "count") == ""


@pytest.mark.parametrize("words", ["relu 1", "mask secret"])
def test_search_opens_the_module_that_hides_a_match(web, words):
    search(web, words)
    assert text(web, "count") == "1" and ids(web, ".match") == []
    web.press("Enter")
    assert opened(web) == ["block-1"]
    assert ids(web, ".chosen") == ["relu-1"]
    assert close_to(center(web, "relu-1"), (500, 400))


def test_search_without_result_and_with_nasty_text(web):
    search(web, "'\"</script>[(*")
    assert text(web, "count") == "none"
    web.press("Enter")
    assert opened(web) == []


def opacity(web, element):
    web.settle()
    return float(web.js(f"getComputedStyle(document.querySelector('main #{element}')).opacity"))


@pytest.mark.parametrize("how", ["selected", "hovered", "focused"])
def test_a_search_hit_is_never_dimmed(web, how):
    if how == "focused":
        web.press("Tab")
        web.js("document.querySelector('main #x').focus({ focusVisible: true })")
    else:
        (web.click if how == "selected" else lambda x, y: web.mouse("mouseMoved", x, y))(*center(web, "x"))
    assert opacity(web, "loss") < 0.5
    web.js("document.querySelector('[data-ui=search]').value = 'loss'")
    web.js("document.querySelector('[data-ui=search]').dispatchEvent(new Event('input'))")
    assert ids(web, ".match") == ["loss"] and opacity(web, "loss") == 1 and opacity(web, "block-1") < 0.5


def test_what_is_selected_is_not_dimmed_by_hovering_something_else(web):
    web.click(*center(web, "x"))
    web.mouse("mouseMoved", *center(web, "loss"))
    assert opacity(web, "x") == 1 and opacity(web, "block-0") < 0.5
