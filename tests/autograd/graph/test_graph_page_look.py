"""The interactive page in headless Chromium: at rest, in light and dark, printed, without script."""

import pytest

from page_cases import EVIL, NEEDS_BROWSER, opened, rectangle

pytestmark = NEEDS_BROWSER


def test_starts_with_the_whole_first_picture(web):
    assert opened(web) == []
    for element in ("x", "block-0", "block-1", "loss"):
        x, y, w, h = rectangle(web, element)
        assert x > 0 and y > 40 and x + w < 1000 and y + h < 800
    assert web.js("document.title") == f"Loss {EVIL}"
    assert web.js("document.images.length") == 0


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
