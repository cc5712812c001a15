"""The interactive page: every state of a drawing, laid out beforehand, in one HTML file without network.

Labels come from users, so nothing of an SVG is copied as it stands: it is parsed, and only the elements and
attributes that draw are written again. A content security policy with the hashes of the page's own script and
style is the second wall.
"""

import base64
import hashlib
import html
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib import resources

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset("""
    svg g defs linearGradient radialGradient stop path polygon polyline ellipse circle rect line text
""".split())  # fmt: skip # noqa: SIM905
_ATTRIBUTES = frozenset("""
    id class transform viewBox width height points d x y x1 x2 y1 y2 cx cy r rx ry fx fy offset gradientUnits
    fill fill-opacity stroke stroke-opacity stroke-width stroke-dasharray stop-color stop-opacity opacity
    text-anchor text-decoration baseline-shift font-family font-size font-style font-weight
""".split())  # fmt: skip # noqa: SIM905
_SCRIPTS = ("page_camera.js", "page_states.js", "page_input.js")
_COLORED = ("fill", "stroke", "stop-color")
_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]+|url\(#[^()\"\'\s]+\)")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class State:
    """One laid-out picture of a graph, with the modules that a click opens or closes in it."""

    key: str  # unique
    title: str  # shown in the breadcrumb
    svg: str  # made by `dot`; g.node, g.cluster and g.edge have the same ids in every state
    opens: dict[str, str]  # id of a closed module's box -> key of the state in which it is open
    closes: dict[str, str]  # id of an open cluster -> key of the state in which it is closed


def page(title: str, states: list[State], details: dict[str, dict[str, str]]) -> str:
    """An HTML file that shows `states[0]` first; `details` maps an element's id to what hovering shows."""
    drawings = [_safe_svg(state) for state in states]
    _check(states, drawings)
    data = {
        "states": [{"key": s.key, "title": s.title, "opens": s.opens, "closes": s.closes} for s in states],
        "details": details,
    }
    first, *others = (ET.tostring(drawing, encoding="unicode") for drawing in drawings)
    script = "\n".join(['"use strict";{', *map(_file, _SCRIPTS), "}"])
    style = _file("page.css") + _colors(drawings)
    parts = {
        "title": html.escape(_NOT_IN_XML.sub("", title)),
        "script_hash": _hash(script),
        "style_hash": _hash(style),
        "style": style,
        "script": script,
        "first": first,
        "others": "\n".join(f"<template>{svg}</template>" for svg in others),
        # No "<" and nothing outside ASCII: the text can neither end its element nor open a comment.
        "data": json.dumps(data).replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _file("page.html"))


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _check(states: list[State], drawings: list[ET.Element]) -> None:
    keys = {state.key for state in states}
    if not states or len(keys) < len(states):
        raise ValueError(f"a page needs states with different keys, got {[state.key for state in states]}")
    for state, drawing in zip(states, drawings, strict=True):
        ids = {element.get("id") for element in drawing.iter("g")}
        for element, key in (state.opens | state.closes).items():
            if key not in keys:
                raise ValueError(f"state {state.key!r}: {element!r} leads to {key!r}, which is no state")
            if element not in ids:
                raise ValueError(f"state {state.key!r} has no element with the id {element!r}")


def _safe_svg(state: State) -> ET.Element:
    """The drawing with only what draws: no links, images, styles, scripts, event handlers or comments."""
    try:
        root = ET.fromstring(_NOT_IN_XML.sub("", state.svg))
    except ET.ParseError as error:
        raise ValueError(f"state {state.key!r}: its SVG cannot be read: {error}") from None
    if root.tag != _SVG + "svg":
        raise ValueError(f"state {state.key!r}: its SVG starts with {root.tag!r}")
    ends = _edge_ends(root)
    safe = _safe_copy(root)
    safe.set("xmlns", _SVG[1:-1])
    safe.set("role", "group")
    for edge in safe.iter("g"):
        if (edge_id := edge.get("id", "")) in ends:
            edge.attrib["data-from"], edge.attrib["data-to"] = ends[edge_id]
    return safe


def _safe_copy(element: ET.Element) -> ET.Element:
    attributes = dict(element.attrib)
    if element.tag == _SVG + "stop":  # graphviz: style="stop-color:red;stop-opacity:1.;"
        attributes |= re.findall(r"(stop-\w+):([^;]*)", attributes.get("style", ""))
    kept = {name: value for name, value in attributes.items() if _is_safe(name, value)}
    copy = ET.Element(_name(element), kept)
    copy.text, copy.tail = element.text, element.tail
    for child in element:
        if _name(child) in _ELEMENTS:
            copy.append(_safe_copy(child))
    return copy


def _name(element: ET.Element) -> str:
    """The element's name in the page; a link becomes a plain group."""
    name = element.tag.removeprefix(_SVG)
    return "g" if name == "a" else name


def _is_safe(name: str, value: str) -> bool:
    return name in _ATTRIBUTES and (name not in _COLORED or _COLOR.fullmatch(value) is not None)


def _edge_ends(root: ET.Element) -> dict[str, tuple[str, str]]:
    """Id of each edge -> ids of its tail and head, from the titles that graphviz gives them: `tail->head`."""
    nodes, edges = {}, []
    for group in root.iter(_SVG + "g"):
        kind, title = group.get("class", "").partition(" ")[0], group.findtext(_SVG + "title", "")
        if kind == "node":
            nodes[title] = group.get("id", "")
        elif kind == "edge":
            edges.append((group.get("id", ""), title))

    def node(name: str) -> str | None:  # a name may end in `:port` or `:port:compass point`
        return next((nodes[n] for n in (name, *(name.rsplit(":", i)[0] for i in (1, 2))) if n in nodes), None)

    ends = {}
    for edge, title in edges:
        for arrow in re.finditer("->|--", title):  # a name may have an arrow in it too
            tail, head = node(title[: arrow.start()]), node(title[arrow.end() :])
            if tail and head:
                ends[edge] = tail, head
    return ends


def _colors(drawings: list[ET.Element]) -> str:
    """A custom property for each colour used, from which page.css makes the colour for the dark."""
    used = {(a, e.get(a, "none").lower()) for drawing in drawings for e in drawing.iter() for a in _COLORED}
    plain = sorted((a, color) for a, color in used if color not in ("none", "transparent"))
    return "".join(f'[{a}="{color}" i]{{--{a}:{color}}}\n' for a, color in plain if "(" not in color)
