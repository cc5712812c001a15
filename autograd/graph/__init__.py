"""A recorded graph as data, as a picture, as text; what it keeps in memory and where its time goes."""

from .detect import detect_nan
from .drawing import Drawing, visualize
from .graph import Graph
from .memory import Memory
from .profile import profile

__all__ = ["Drawing", "Graph", "Memory", "detect_nan", "profile", "visualize"]
