"""The interactive page in headless Chromium, with real mouse, touch and key events."""

import pytest

from page_cases import EVIL, NEEDS_BROWSER, center, close_to, ids, label, opened, rectangle, text

pytestmark = NEEDS_BROWSER


def test_drag_pans(web):
    before = center(web, "x")
    web.drag((200, 500), (270, 460))
    assert close_to(center(web, "x"), (before[0] + 70, before[1] - 40))
    assert opened(web) == []


def test_a_drag_that_ends_on_a_module_does_not_open_it(web):
    x, y = center(web, "block-0")
    web.drag((x, y), (x + 60, y))
    assert opened(web) == []


def test_wheel_zooms_around_the_pointer(web):
    x, y = center(web, "loss")
    width = rectangle(web, "loss")[2]
    web.mouse("mouseWheel", x, y, deltaX=0, deltaY=-120)
    web.settle()
    assert rectangle(web, "loss")[2] > 1.2 * width
    assert close_to(center(web, "loss"), (x, y))


@pytest.mark.parametrize("how", ["buttons", "keys"])
def test_buttons_and_keys_zoom_and_fit(web, how):
    def act(button, key):
        if how == "keys":
            web.press(key)
        else:
            web.js(f"document.querySelector('[data-ui={button}]').click()")
            web.settle()

    start = rectangle(web, "x")
    act("in", "+")
    assert rectangle(web, "x")[2] == pytest.approx(1.4 * start[2], rel=0.01)
    act("out", "-")
    assert rectangle(web, "x")[2] == pytest.approx(start[2], rel=0.01)
    web.drag((200, 500), (400, 100))
    act("fit", "0")
    assert close_to(rectangle(web, "x"), start)


def test_hover_shows_details_and_neighbours(web):
    web.mouse("mouseMoved", *center(web, "x"))
    web.settle()
    card = text(web, "card")
    assert "x" in card and "(2, 64)" in card and EVIL in card and "__proto__" in card
    assert ids(web, ".near") == ["block-0", "edge-0", "x"]
    web.mouse("mouseMoved", 20, 700)
    web.settle()
    assert web.js("document.querySelector('[data-ui=card]').hidden")
    assert ids(web, ".near") == []


def test_hover_over_an_edge_shows_its_ends(web):
    x, y = center(web, "edge-loss")
    web.mouse("mouseMoved", x + 3, y)  # near the thin line is enough
    web.settle()
    assert ids(web, ".near") == ["block-1", "edge-loss", "loss"]


def test_a_click_keeps_the_card(web):
    web.click(*center(web, "x"))
    web.mouse("mouseMoved", 20, 700)
    web.settle()
    assert "(2, 64)" in text(web, "card")
    web.press("Escape")
    assert web.js("document.querySelector('[data-ui=card]').hidden")


def test_hover_over_the_label_of_an_open_module_shows_all_it_holds(web):
    web.click(*center(web, "block-0"))
    web.mouse("mouseMoved", *label(web, "block-0"))
    web.settle()
    assert "3.2 M" in text(web, "card")
    assert {"block-0", "linear-0", "relu-0", "inner-0", "x", "block-1"} <= set(ids(web, ".near"))


def test_keyboard_alone(web):
    focus = "document.activeElement.id"
    for _ in range(20):
        web.press("Tab")
        if web.js(focus):
            break
    assert web.js(focus) == "x"
    assert "(2, 64)" in text(web, "card")
    web.press("ArrowDown")
    assert web.js(focus) == "block-0"
    assert web.js("document.activeElement.getAttribute('aria-expanded')") == "false"
    web.press("Enter")
    assert opened(web) == ["block-0"]
    assert web.js(focus) == "block-0"
    assert web.js("document.activeElement.getAttribute('aria-expanded')") == "true"
    web.press(" ")
    assert opened(web) == []
    assert web.js(focus) == "block-0"


def test_arrow_keys_pan_the_stage(web):
    web.js("document.querySelector('main').focus()")
    before = center(web, "x")
    web.press("ArrowRight")
    assert close_to(center(web, "x"), (before[0] - 80, before[1]))


def test_touch_pans_pinches_and_opens(started, file):
    started.open(file, width=390, height=760, mobile=True)
    before = center(started, "x")
    started.touch("touchStart", (60, 600))
    for y in (620, 640, 660):
        started.touch("touchMove", (60, y))
    started.touch("touchEnd")
    started.settle()
    assert center(started, "x")[1] - before[1] == pytest.approx(60, abs=1)
    width = rectangle(started, "x")[2]
    started.touch("touchStart", (150, 400), (250, 400))
    for i in (1, 2, 3):
        started.touch("touchMove", (150 - 20 * i, 400), (250 + 20 * i, 400))
    started.touch("touchEnd")
    started.settle()
    assert rectangle(started, "x")[2] == pytest.approx(2.2 * width, rel=0.1)
    started.press("0")
    started.tap(*center(started, "block-0"))  # a finger cannot hover: the first touch shows the details
    assert "3.2 M" in text(started, "card") and opened(started) == []
    started.js("document.querySelector('[data-ui=toggle]').click()")
    assert opened(started) == ["block-0"]
    assert started.js("document.documentElement.scrollWidth") == 390
    assert started.complaints() == []
