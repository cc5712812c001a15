"""What a model is made of, remembered by those who keep a copy of it."""

from __future__ import annotations

from .module import Module, Parameter


class Structure:
    """Which modules and parameters a model had at one time."""

    def __init__(self, model: Module):
        self.modules = list(model.modules())
        self.params = list(model.parameters())
        self._attributes = [
            (vars(module), name, value)
            for module in self.modules
            for name, value in vars(module).items()
            if isinstance(value, (Module, Parameter))
        ]

    def change(self) -> str | None:
        """The name of an attribute that is another object by now, if there is one."""
        for attributes, name, value in self._attributes:
            if attributes.get(name) is not value:
                return name
        return None
