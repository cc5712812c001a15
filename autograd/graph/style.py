"""How pictures look: one place for colours, fonts and shapes."""

FONT = "Helvetica,Arial,sans-serif"
INK, SMALL, FAINT, LINE = "#1f2937", "#4b5563", "#6b7280", "#8a94a6"

GRAPH = {
    "rankdir": "TB", "fontname": FONT, "fontsize": "12", "fontcolor": FAINT, "bgcolor": "white", "pad": "0.3",
    "nodesep": "0.28", "ranksep": "0.36", "labelloc": "b", "newrank": "true", "splines": "spline",
}  # fmt: skip
NODE = {
    "shape": "box", "style": "rounded,filled", "fontname": FONT, "fontsize": "11",
    "fontcolor": INK, "color": LINE, "fillcolor": "white", "penwidth": "1", "margin": "0.12,0.06",
    "height": "0.3", "width": "0.5",
}  # fmt: skip
EDGE = {
    "color": LINE, "fontname": FONT, "fontsize": "9", "fontcolor": FAINT, "arrowsize": "0.6", "penwidth": "1",
}  # fmt: skip

# What sets each kind of box apart from NODE.
KINDS: dict[str, dict[str, str]] = {
    "module": {"fillcolor": "#dbe7fb", "color": "#5b7fbd"},
    "op": {},
    "view": {
        "fillcolor": "#fafafa", "color": "#cbd5e1", "fontcolor": FAINT, "fontsize": "9", "height": "0.2",
    },
    "parameter": {"fillcolor": "#fdf0cf", "color": "#d3a13a"},
    "input": {"fillcolor": "#daf1e2", "color": "#4f9d6c"},
    "constant": {"fillcolor": "#eef0f2", "color": "#b6bec9", "fontcolor": FAINT},
    "output": {"fillcolor": "#e8dcf7", "color": "#7d57b3", "penwidth": "1.6"},
    "failed": {"fillcolor": "#fde2df", "color": "#c62828", "fontcolor": "#8e1b1b", "penwidth": "2"},
    "more": {"style": "rounded,dashed", "color": LINE, "fontcolor": FAINT},
}  # fmt: skip
# What was recorded while a gradient was computed.
SECOND = {"color": "#2a8c82", "style": "rounded,filled,dashed"}
KINDS |= {
    "gradient_op": {**SECOND, "fillcolor": "#f1faf8"},
    "gradient_view": {**KINDS["view"], **SECOND, "color": "#9fcfc9"},
    "gradient_module": {**SECOND, "fillcolor": "#d3eeea"},
}  # fmt: skip
PORT = {"shape": "point", "width": "0.01", "height": "0.01"}
KINDS |= {"enter": PORT, "leave": PORT}
TINTS = ["#f6f8fc", "#edf2fa", "#e4ebf6", "#dbe4f2"]  # of open modules, by depth
GRADIENT_TINTS = ["#f5fbfa", "#ebf7f5", "#e1f2ef", "#d8eeea"]
CLUSTER = {
    "style": "rounded,filled", "color": "#c3cfe2", "fontname": FONT, "fontsize": "12", "fontcolor": INK,
    "labeljust": "l", "labelloc": "t", "margin": "10",
}  # fmt: skip
GRADIENT = {"color": "#b4534b", "fontcolor": "#b4534b", "dir": "back"}  # arrows of the backward pass
PASSING = {"color": "#c9d0da"}  # arrows from parameters and constants

SCALE = ["#fff8ee", "#feebcf", "#fddcae", "#fdc98d", "#fbb06f", "#f5925a"]  # small to large
FINE, NOT_FINITE = "#dff3e4", "#e879c6"
