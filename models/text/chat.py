"""Conversations as texts: the Jinja templates of Hugging Face's folders, as transformers renders them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

OLDEST = (3, 1, 6)  # of jinja2: templates come with folders from anywhere, and older sandboxes had holes


def rendered(template: str, messages: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> str:
    """The text; ValueError with the template's reason if it refuses, or is damaged.

    Entries of messages that are None are left out.
    """
    import_jinja2()
    from jinja2 import TemplateError

    if not messages or isinstance(messages, (str, Mapping)):
        raise ValueError("a conversation is a list of one message at least")
    given = [{name: value for name, value in message.items() if value is not None} for message in messages]
    try:
        return _compiled(template).render(messages=given, **{"tools": None, "documents": None, **variables})
    except (TemplateError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"the chat template refuses: {error or type(error).__name__}") from None


def import_jinja2() -> Any:
    """jinja2; ImportError that says what to install where it is missing or too old to be safe."""
    try:
        import jinja2
    except ImportError:
        raise ImportError("chat templates need jinja2: pip install 'tapegrad[text]'") from None
    numbers = tuple(int(part) for part in jinja2.__version__.split(".")[:3] if part.isdigit())
    if numbers < OLDEST:
        raise ImportError(
            f"chat templates need jinja2 {'.'.join(map(str, OLDEST))} or later, whose sandbox has no known "
            f"hole; this is {jinja2.__version__}: pip install -U jinja2"
        )
    return jinja2


@lru_cache(maxsize=8)
def _compiled(template: str) -> Any:
    """In a sandbox: a template can neither reach Python's insides nor change what it is given."""
    jinja2 = import_jinja2()
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _generation(jinja2)]
    )

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(template)


def _tojson(value: Any, ensure_ascii=False, indent=None, separators=None, sort_keys=False) -> str:
    """As json has it; Jinja's own is for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _generation(jinja2: Any) -> Any:
    """{% generation %} ... {% endgeneration %} marks what is trained on: here it is what is inside."""
    from jinja2.ext import Extension

    class Generation(Extension):
        tags = {"generation"}

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body, lineno=line)

    return Generation
