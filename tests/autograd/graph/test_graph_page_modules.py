"""The interactive page in headless Chromium: modules that open and close."""

import re

import pytest

from graph_cases import gpt, transformer
from page_cases import NEEDS_BROWSER, center, close_to, ids, label, opened, rectangle
from tapegrad import autograd as ag

pytestmark = NEEDS_BROWSER


def test_click_opens_and_closes_where_the_module_stands(web):
    x, y = center(web, "block-0")
    web.click(x, y)
    assert opened(web) == ["block-0"]
    left, top, width, height = rectangle(web, "block-0")
    assert left < x < left + width and top < y < top + height
    assert left >= 0 and top >= 0 and left + width <= 1000 and top + height <= 800
    web.click(*center(web, "relu-0"))  # no module: nothing opens or closes
    web.click(left + 8, top + height - 8)  # nor does the ground of an open one
    assert opened(web) == ["block-0"]
    at = label(web, "block-0")
    web.click(*at)
    assert opened(web) == []
    assert rectangle(web, "block-0")[0] >= 0 and rectangle(web, "block-0")[1] >= 0


def test_the_badge_stays_under_the_pointer(web):
    at = center(web, "block-0", ".badge")
    for expected in (["block-0"], [], ["block-0"]):
        web.click(*at)
        assert opened(web) == expected


def test_opening_and_closing_comes_back_to_the_same_view(web):
    before = rectangle(web, "block-1")
    web.click(*center(web, "block-1"))
    web.click(*label(web, "block-1"))
    assert rectangle(web, "block-1")[2] == pytest.approx(before[2], rel=0.01)


def test_breadcrumb_shows_the_module_opened_last_and_history_goes_back(web):
    web.click(*center(web, "block-0"))
    web.click(*center(web, "block-1"))
    assert opened(web) == ["block-0", "block-1"]
    crumbs = "[...document.querySelectorAll('[data-ui=trail] button')]"
    assert web.js(f"{crumbs}.map((e) => e.textContent)") == ["everything", "layers.1"]
    web.drag((20, 500), (20, 100))
    web.js(f"{crumbs}[1].click()")
    assert close_to(center(web, "block-1"), (500, 400), 25)
    web.js(f"{crumbs}[0].click()")
    assert 0 < rectangle(web, "x")[1] < rectangle(web, "loss")[1] < 800
    web.js("history.back()")
    web.wait("location.hash === '#block-0'")
    assert opened(web) == ["block-0"]
    web.js("history.back()")
    web.wait("location.hash === ''")
    assert opened(web) == []


def test_address_names_what_is_open(started, file):
    for named, expected in {"#block-1": ["block-1"], "#block-1+block-0": ["block-0", "block-1"]}.items():
        started.open(file, hash=named)
        assert opened(started) == expected
    for unknown in ("#%E0%A4", "#nobody", "#block-1+nobody", "#+"):
        started.open(file, hash=unknown)
        assert opened(started) == []
    assert started.complaints() == []


def test_open_modules_are_connected_through_their_ports(web):
    def path(edge):
        return web.js(f"document.querySelector('#{edge} path:not(.reach)').getAttribute('d')")

    def ends(edge):
        numbers = [tuple(map(float, pair.split(","))) for pair in re.findall(r"[-\d.]+,[-\d.]+", path(edge))]
        return numbers[0], numbers[-1]

    web.click(*center(web, "block-0"))
    web.click(*center(web, "block-1"))
    assert close_to(ends("edge-0")[1], ends("in-0")[0], 0.1)
    assert close_to(ends("out-0")[1], ends("edge-1")[0], 0.1)
    assert close_to(ends("edge-1")[1], ends("in-1")[0], 0.1)
    assert ids(web, ".edge:has(polygon)") == ["edge-loss", "in-0", "in-1", "inner-0", "inner-1"]  # arrowheads
    assert web.js("document.querySelectorAll('main :is(.enter, .leave)').length") == 0
    web.mouse("mouseMoved", *center(web, "relu-0"))
    web.settle()
    assert ids(web, ".near") == ["edge-1", "in-1", "inner-0", "linear-0", "linear-1", "out-0", "relu-0"]


def test_boxes_stay_apart_whatever_is_open(web):
    for press in ("block-0", "block-1", "block-0", "block-0"):
        at = label(web, press) if press in opened(web) else center(web, press)
        web.click(*at)
        names = ids(web, ".node")
        boxes = {name: rectangle(web, name, ":is(polygon, path, ellipse)") for name in names}
        for name, (x, y, w, h) in boxes.items():
            for other, (x2, y2, w2, h2) in boxes.items():
                apart = x + w < x2 or x2 + w2 < x or y + h < y2 or y2 + h2 < y
                assert name == other or apart, (name, other)


def test_animation_ends_where_it_should(started, file):
    started.open(file)
    started.click(*center(started, "block-0"))
    expected = [rectangle(started, e) for e in ("x", "block-0", "relu-0", "loss")]
    started.open(file, still=False)
    started.click(*center(started, "block-0"))
    assert started.js("document.getAnimations().length") > 0
    started.wait("document.getAnimations().every((a) => a.playState === 'finished')")
    assert all(map(close_to, [rectangle(started, e) for e in ("x", "block-0", "relu-0", "loss")], expected))
    started.press("+")
    started.wait(f"document.getElementById('x').getBoundingClientRect().width > {1.39 * expected[0][2]}")
    assert started.complaints() == []


# ------------------------------------------------------------------ pages of models


def saved(case, tmp_path, **options):
    model, loss = case()
    return ag.visualize(loss, model, **options).save(tmp_path / "graph.html")


def press(web, element):
    """A click on a module's badge."""
    at = "new MouseEvent('click', { bubbles: true })"
    web.js(f"document.querySelector('main #{element} > .badge circle').dispatchEvent({at})")
    web.settle()


@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
def test_each_module_opens_and_closes_for_itself(started, tmp_path, zoom):
    started.open(saved(transformer, tmp_path, zoom=zoom, depth=1))
    outer = opened(started)
    found = "[...document.querySelectorAll('main .foldable')].map((e) => [e.textContent, e.id])"
    modules = dict(started.js(found))
    encoder = next(id for name, id in modules.items() if "transformer.encoder" in name)
    decoder = next(id for name, id in modules.items() if "transformer.decoder" in name)
    for name in (encoder, decoder):
        press(started, name)
    assert opened(started) == sorted([*outer, encoder, decoder])
    started.js("history.back()")
    started.wait(f"!document.querySelector('main #{decoder}.cluster')")
    press(started, decoder)
    press(started, encoder)
    assert opened(started) == sorted([*outer, decoder])
    press(started, outer[0])
    assert opened(started) == []
    press(started, outer[0])
    assert opened(started) == sorted([*outer, decoder])
    assert started.complaints() == []


@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
@pytest.mark.parametrize("case", [lambda: gpt(6), transformer], ids=["gpt", "transformer"])
def test_at_rest_all_of_a_model_fits_the_window_and_can_be_read(started, tmp_path, case, zoom):
    started.open(saved(case, tmp_path, zoom=zoom), width=1280, height=800)
    for name in ids(started, ".node"):
        x, y, w, h = rectangle(started, name)
        assert x > 0 and y > 40 and x + w < 1280 and y + h < 800, name
        assert rectangle(started, name, "text")[3] > 8, name  # px
    assert opened(started) != []


def test_what_somebody_chose_to_open_is_open(started, tmp_path):
    started.open(saved(gpt, tmp_path, depth=9), width=600, height=300)
    everything = opened(started)
    started.open(saved(gpt, tmp_path), width=600, height=300)
    assert len(everything) > len(opened(started))
