"""The interactive page: the inside of every module, laid out beforehand, in one HTML file without network.

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
_SCRIPTS = ("page_layout.js", "page_camera.js", "page_scene.js", "page_search.js", "page_input.js")
_COLORED = ("fill", "stroke", "stop-color")
_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]+|url\(#[^()\"\'\s]+\)")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Inside:
    """What is directly in one module, laid out by `dot`.

    A g.cluster with the module's id is around it. It has a g.node for each thing in it, and ports, of class
    enter or leave and with the id in.MODULE.SOURCE or out.MODULE.SOURCE, for what flows in and out.
    """

    id: str  # of the module; its closed box, a g.node in its parent's picture, has the same
    parent: str | None  # id of the module around it; None for the first, which stands around all
    title: str  # shown in the breadcrumb
    svg: str
    flows: dict[str, list[str]]  # id of a g.edge to or from a module -> the SOURCEs whose values it carries


def page(
    title: str,
    still: str,
    insides: list[Inside],
    details: dict[str, dict[str, str]],
    opened: list[str],
    fits: bool = False,
) -> str:
    """An HTML file in which modules open and close.

    `still` is the SVG shown where scripts do not run; `details` maps an element's id to what hovering shows;
    `opened` has the modules that are open first, if `fits` only as many levels as can be read in the window.
    """
    drawings = [_safe_svg(part.id, part.svg) for part in insides]
    _check(insides, drawings)
    first = _safe_svg("still", still)
    data = {
        "insides": [{"id": i.id, "parent": i.parent, "title": i.title, "flows": i.flows} for i in insides],
        "details": details,
        "opened": opened,
        "fits": fits,
    }
    script = "\n".join(['"use strict";{', *map(_file, _SCRIPTS), "}"])
    style = _file("page.css") + _colors([first, *drawings])
    parts = {
        "title": html.escape(_NOT_IN_XML.sub("", title)),
        "script_hash": _hash(script),
        "style_hash": _hash(style),
        "style": style,
        "script": script,
        "still": _text(first),
        "insides": "\n".join(f"<template>{_text(drawing)}</template>" for drawing in drawings),
        # No "<" and nothing outside ASCII: the text can neither end its element nor open a comment.
        "data": json.dumps(data).replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _file("page.html"))


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(drawing: ET.Element) -> str:
    return ET.tostring(drawing, encoding="unicode")


def _check(insides: list[Inside], drawings: list[ET.Element]) -> None:
    if [part.parent for part in insides[:1]] != [None]:
        raise ValueError("a page needs a picture around all modules, the first, without a parent")
    nodes: dict[str, set[str]] = {}  # of the pictures so far, by module
    for part, drawing in zip(insides, drawings, strict=True):
        if part.id in nodes:
            raise ValueError(f"a page needs one picture of each module, got {part.id!r} again")
        nodes[part.id] = _ids(drawing, "node")
        if unknown := part.flows.keys() - _ids(drawing, "edge"):
            raise ValueError(f"the picture of {part.id!r} has no edge with the id {min(unknown)!r}")
        if part is insides[0]:
            continue
        if part.id not in nodes.get(part.parent or "", ()):
            raise ValueError(f"{part.id!r} has no box in the picture of {part.parent!r}, or comes before it")
        if part.id not in _ids(drawing, "cluster"):
            raise ValueError(f"the picture of {part.id!r} has no cluster with this id")


def _ids(drawing: ET.Element, kind: str) -> set[str]:
    groups = drawing.iter("g")
    return {group.get("id", "") for group in groups if group.get("class", "").partition(" ")[0] == kind}


def _safe_svg(name: str, svg: str) -> ET.Element:
    """The drawing with only what draws: no links, images, styles, scripts, event handlers or comments."""
    try:
        root = ET.fromstring(_NOT_IN_XML.sub("", svg))
    except ET.ParseError as error:
        raise ValueError(f"{name!r}: its SVG cannot be read: {error}") from None
    if root.tag != _SVG + "svg":
        raise ValueError(f"{name!r}: its SVG starts with {root.tag!r}")
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
