"""The interactive page in headless Chromium, with real mouse, touch and key events."""

import re
import shutil

import pytest

import browser as chromium
from graph_cases import gpt, transformer
from tapegrad import autograd as ag
from tapegrad.autograd.graph.page import Inside, page

graphviz = pytest.importorskip("graphviz")
pytestmark = [
    pytest.mark.skipif(chromium.program() is None, reason="needs a browser: Chromium or Chrome"),
    pytest.mark.skipif(shutil.which("dot") is None, reason="needs the graphviz program `dot`"),
]
EVIL = "</script><img src=x onerror=alert(1)>"
DETAILS = {
    "x": {"shape": "(2, 64)", "note": EVIL, "__proto__": "own"},
    "block-0": {"parameters": "3.2 M"},
    "relu-1": {"saved for backward": "secret mask"},
}


def whole():
    """x -> two blocks -> loss."""
    graph = graphviz.Digraph(node_attr={"shape": "box", "style": "filled", "fillcolor": "white"})
    graph.node("x", graphviz.escape(f"x\n{EVIL}"), id="x")
    for i in range(2):
        graph.node(f"block{i}", f"layers.{i}", id=f"block-{i}", fillcolor="#dbe7fb")
    graph.node("loss", id="loss", fillcolor="#a02030", fontcolor="white")
    graph.edge("x", "block0", "(2, 64)", id="edge-0")
    graph.edge("block0", "block1", "(2, 64)", id="edge-1")
    graph.edge("block1", "loss", id="edge-loss")
    return graph.pipe("svg", encoding="utf-8")


def block(i, source):
    """linear -> relu, and their ports."""
    graph = graphviz.Digraph(node_attr={"shape": "box", "style": "filled", "fillcolor": "white"})
    with graph.subgraph(name="cluster") as inside:
        inside.attr(label=f"layers.{i}", id=f"block-{i}", style="filled", fillcolor="#eef2fb", margin="30")
        for kind, name in (("enter", f"in.block-{i}.{source}"), ("leave", f"out.block-{i}.relu-{i}")):
            inside.node(kind, id=name, shape="point", **{"class": kind})
        inside.node("linear", f"linear {i}", id=f"linear-{i}")
        inside.node("relu", f"relu {i}", id=f"relu-{i}")
        inside.edge("enter", "linear", id=f"in-{i}")
        inside.edge("linear", "relu", id=f"inner-{i}")
        inside.edge("relu", "leave", id=f"out-{i}", dir="none")
    return graph.pipe("svg", encoding="utf-8")


def parts():
    flows = {"edge-0": ["x"], "edge-1": ["relu-0"], "edge-loss": ["relu-1"]}
    inner = [Inside(f"block-{i}", "all", f"layers.{i}", block(i, ["x", "relu-0"][i]), {}) for i in range(2)]
    return [Inside("all", None, "everything", whole(), flows), *inner]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "graph.html"
    path.write_text(page(f"Loss {EVIL}", whole(), parts(), DETAILS, []), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    made = chromium.Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def web(started, file):
    """The page with both modules closed; afterwards it must not have complained or asked for anything."""
    started.open(file)
    yield started
    assert started.complaints() == []
    assert started.requests() == [file.as_uri()]


def rectangle(web, element, inside=""):
    """Left, top, width and height on the screen of the element with an id, or of something in it."""
    found = f"document.querySelector('main #{element} {inside}').getBoundingClientRect()"
    return web.js(f"(({{ x, y, width, height }}) => [x, y, width, height])({found})")


def center(web, element, inside=""):
    x, y, w, h = rectangle(web, element, inside)
    return x + w / 2, y + h / 2


def label(web, cluster):
    return center(web, cluster, "text")


def opened(web):
    """Ids of the modules that are open on the screen."""
    return ids(web, ".cluster")


def ids(web, selector):
    return web.js(f"[...document.querySelectorAll('main {selector}')].map((e) => e.id).sort()")


def text(web, name):
    return web.js(f"document.querySelector('[data-ui={name}]').innerText")


def close_to(a, b, within=1.0):
    return all(abs(p - q) <= within for p, q in zip(a, b, strict=True))


def test_starts_with_the_whole_first_picture(web):
    assert opened(web) == []
    for element in ("x", "block-0", "block-1", "loss"):
        x, y, w, h = rectangle(web, element)
        assert x > 0 and y > 40 and x + w < 1000 and y + h < 800
    assert web.js("document.title") == f"Loss {EVIL}"
    assert web.js("document.images.length") == 0


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


LIGHTNESS = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const part = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map(part);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const of = (selector, what) => luminance(getComputedStyle(document.querySelector(selector))[what]);
  return { page: of("body", "backgroundColor"), box: of("#x polygon", "fill"), text: of("#x text", "fill"),
    line: of("#edge-0 path:not(.reach)", "stroke"), loss: of("#loss polygon", "fill"),
    label: of("#loss text", "fill"), edge: of("#edge-0 text", "fill"), ui: of("h1", "color"),
    card: of("h1", "backgroundColor") };
})()"""


def contrast(a, b):
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "button"])
def test_light_and_dark_are_readable(web, scheme):
    if scheme == "button":
        web.js("document.querySelector('[data-ui=theme]').click()")
    else:
        web.media(scheme)
    seen = web.js(LIGHTNESS)
    assert (seen["page"] > 0.5) == (scheme == "light")
    assert (seen["box"] > 0.5) == (scheme == "light")
    for front, back in [("text", "box"), ("line", "page"), ("edge", "page"), ("ui", "card")]:
        assert contrast(seen[front], seen[back]) > 7, (front, seen)
    assert contrast(seen["label"], seen["loss"]) > 3, seen


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


def test_print_shows_the_whole_picture_in_light(web):
    web.media("dark")
    web.drag((200, 500), (900, 100))
    web("Emulation.setEmulatedMedia", media="print")
    web.js("dispatchEvent(new Event('beforeprint'))")
    web.settle()
    page_width = web.js("document.documentElement.clientWidth")
    for element in ("x", "loss"):
        x, _, w, _ = rectangle(web, element)
        assert x >= 0 and x + w <= page_width
    assert web.js("getComputedStyle(document.querySelector('.buttons')).display") == "none"
    assert web.js("getComputedStyle(document.querySelector('#x polygon')).fill") == "rgb(255, 255, 255)"
    web.js("dispatchEvent(new Event('afterprint'))")
    web("Emulation.setEmulatedMedia", media="")


def test_without_script_the_first_picture_is_there(started, file):
    started("Emulation.setScriptExecutionDisabled", value=True)
    try:
        started.open(file)
        assert rectangle(started, "block-0")[2] > 0
        assert not started.js("document.documentElement.classList.contains('live')")
    finally:
        started("Emulation.setScriptExecutionDisabled", value=False)


def test_the_policy_stops_what_the_page_did_not_bring(started, file, tmp_path):
    extra = '<b onclick="hit = 1"></b><script>hit = 1</script><script src="other.js"></script></header>'
    spoiled = file.read_text(encoding="utf-8").replace("</header>", extra)
    other = tmp_path / "spoiled.html"
    other.write_text(spoiled, encoding="utf-8")
    started.open(other)
    started.js("document.querySelector('b').click()")
    assert started.js("window.hit") is None
    assert len(started.complaints()) == 3
    assert opened(started) == []


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
