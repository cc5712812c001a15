"""Text by a model, shown as it is written."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from .usage import UsageError, as_text, reading_text

SUMMARY = "Continue a text, or chat, with a language model, shown as it writes."
EXAMPLE = """\
examples:
  tapegrad generate gpt2/ --prompt "Once upon a time" --temperature 0.8 --seed 1
  echo "Hello, my name is" | tapegrad generate gpt2/ --max-new-tokens 20
  tapegrad generate smollm-instruct/ --chat --prompt "Why is the sky blue?"
  tapegrad generate smollm-instruct/ --chat

Without --prompt, the prompt is standard input without its last line break;
with --chat each line of it is a message. A model that answers a source, as T5
does, reads the prompt as that. Unless told otherwise, the folder's
generation_config.json says how tokens are chosen; without one the likeliest is
taken. A text ends with the model's end token, or before a --stop."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="a folder with config.json, weights and a tokenizer")
    parser.add_argument(
        "--prompt", type=as_text, metavar="TEXT", help="the text to continue; with --chat the one message"
    )
    parser.add_argument("--chat", action="store_true", help="a conversation, by the folder's chat template")
    parser.add_argument(
        "--system", type=as_text, metavar="TEXT", help="with --chat: what the model is told before"
    )
    parser.add_argument("--echo", action="store_true", help="print the prompt before what continues it")
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        metavar="N",
        help="at most N tokens (256, or what the context has room for)",
    )
    parser.add_argument(
        "--stop",
        type=as_text,
        action="append",
        default=[],
        metavar="TEXT",
        help="end before TEXT; several times for several",
    )
    choice = parser.add_argument_group("how tokens are chosen")
    choice.add_argument(
        "--temperature", type=float, metavar="X", help="0: the likeliest; 1: as the model has it"
    )
    choice.add_argument("--top-k", type=int, metavar="K", help="of the K likeliest")
    choice.add_argument(
        "--top-p", type=float, metavar="P", help="of the likeliest that have probability P together"
    )
    choice.add_argument(
        "--min-p", type=float, metavar="P", help="of those P times as likely as the likeliest"
    )
    choice.add_argument(
        "--repetition-penalty", type=float, metavar="X", help="above 1: less of what was there"
    )
    choice.add_argument("--frequency-penalty", type=float, metavar="X", help="less of what is written often")
    choice.add_argument("--seed", type=int, metavar="N", help="the same text each time")
    choice.add_argument(
        "--num-beams", type=int, metavar="N", help="look for the likeliest text among N at once"
    )
    choice.add_argument("--length-penalty", type=float, metavar="X", help="with beams: above 0, longer texts")


def run(args: Namespace) -> None:
    if args.system is not None and not args.chat:
        raise UsageError("--system is for --chat")
    if "" in args.stop:
        raise UsageError("--stop '' is in every text")
    if args.echo and args.chat:
        raise UsageError("--echo is for a text that is continued, not for --chat")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without that character
    writer = Writer(args)
    if args.chat:
        chat(writer, args)
        return
    prompt = read_prompt() if args.prompt is None else args.prompt
    if args.echo:
        show(prompt)
    for piece in writer.written(writer.tokenizer.encode(prompt)):
        show(piece)
    show("\n")


class Writer:
    """A folder's model and tokenizer, and how they are to write."""

    def __init__(self, args: Namespace):
        from .. import models
        from ..autograd import keep_memory
        from ..models import text
        from ..models.generation.defaults import own_strings

        given = given_in(args)
        keep_memory()  # a tenth to a fifth of a long prompt's time is fresh pages
        self.model = models.from_pretrained(args.folder)
        if not hasattr(self.model, "generate"):
            raise ValueError(f"{args.folder} holds a {type(self.model).__name__}, which writes no text")
        self.tokenizer = text.from_pretrained(args.folder)
        size, last = self.model.config.vocab_size, max(self.tokenizer.stop, default=0)
        if last >= size:
            raise ValueError(
                f"{args.folder}: a text ends with id {last}, but the model has {size} ids: the tokenizer, or "
                "eos_token_id of generation_config.json, is another model's"
            )
        self.stop: list[str] = [*args.stop, *own_strings(self.model)]
        self.room: int | None = args.max_new_tokens
        self.options = chosen(self.model, given) | {"stop": list(self.tokenizer.stop)}

    def written(self, ids: Any) -> Iterator[str]:
        """The text that follows `ids`, in pieces."""
        from ..models.text import until

        answers = hasattr(self.model, "encode")
        room = self.room
        if room is None:
            context = getattr(self.model, "context", None)
            read = 1 if answers else len(ids)
            # a prompt that is too long is told so by generate
            room = 256 if context is None else max(1, min(256, context - read + 1))
        tokens = self.model.generate(ids, room, **self.options)
        ends = set(self.options["stop"])
        texts = (token for token in tokens if token not in ends)
        return until(self.tokenizer.stream(texts, () if answers else ids), self.stop)


GIVEN = (
    "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "seed", "num_beams",
    "length_penalty",
)  # fmt: skip


def given_in(args: Namespace) -> dict[str, Any]:
    """The options of `generate` among the arguments; UsageError for what means nothing by itself."""
    from ..models.generation.defaults import DRAWS

    found = {name: getattr(args, name) for name in GIVEN if getattr(args, name) is not None}
    # Whether there are beams, the folder may say.
    may_search = "num_beams" not in found and not DRAWS & set(found) and "length_penalty" in found
    check(found | ({"num_beams": 2} if may_search else {}))
    if args.max_new_tokens is not None and args.max_new_tokens < 0:
        raise UsageError(f"--max-new-tokens is to be 0 or more, not {args.max_new_tokens}")
    return found


def check(options: dict[str, Any]) -> None:
    from ..models.generation import Settings

    try:
        Settings.of(options)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error).removeprefix("generate: ")) from None


def chosen(model: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The options `given`, for one text; where neither they nor the folder tell how, the likeliest token."""
    from ..models.generation.defaults import DRAWS, settings_of

    stored = model.generation_config or {}
    told = DRAWS & set(given) or given.get("num_beams", 1) > 1
    if not told and stored.get("do_sample") is None and stored.get("num_beams") in (None, 1):
        given = given | {"temperature": 0}
    given = given | {"num_return_sequences": 1}
    try:
        settings_of(model, given)
    except ValueError:
        check(given)
        raise
    return given


def read_prompt() -> str:
    if sys.stdin.isatty():
        print("the prompt, until Ctrl-D:", file=sys.stderr)
    with reading_text():
        return sys.stdin.read().removesuffix("\n")


def show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


# ------------------------------------------------------------------ conversations


def chat(writer: Writer, args: Namespace) -> None:
    """Answer the one message of --prompt, or each line of standard input after all that was said."""
    messages = [] if args.system is None else [{"role": "system", "content": args.system}]
    if writer.tokenizer.chat_template is None:
        writer.tokenizer.chat_text(messages)  # says so, before anybody has written a message
    for line in said() if args.prompt is None else [args.prompt]:
        messages.append({"role": "user", "content": line})
        text = writer.tokenizer.chat_text(messages)
        answer = ""
        for piece in writer.written(writer.tokenizer.encode(text, add_special_tokens=False)):
            show(piece)
            answer += piece
        show("\n")
        messages.append({"role": "assistant", "content": answer})


def said() -> Iterator[str]:
    """Lines of standard input that are not blank; a person is asked for each."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            print("> ", end="", file=sys.stderr, flush=True)
        with reading_text():
            line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.removesuffix("\n")
