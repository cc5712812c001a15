"""JSON in a model's folder, which somebody else wrote."""

from __future__ import annotations

import json
from typing import Any


def parsed(path: str) -> Any:
    """What the JSON in a file says; ValueError, with the path, where it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no right JSON: {error}") from None
