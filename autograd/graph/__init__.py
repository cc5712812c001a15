"""A recorded graph as data, as a picture, as text; what it keeps in memory and where its time goes."""

from .data import Graph
from .drawing import Drawing, visualize
from .memory import Memory
from .profile import profile

__all__ = ["Drawing", "Graph", "Memory", "profile", "visualize"]
