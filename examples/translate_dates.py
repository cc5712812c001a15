"""Train a Transformer to read dates as people write them, in twelve languages, and to answer in ISO 8601.

The pairs are made by the program, typing mistakes included; it is tested on days that it has not seen in any
form. Prints how many answers are right, greedily and by beams, for each language and way of writing, and
which are wrong; draws the loss, and which characters were read for each that was written. With `--ask` it
translates what you type.

Large letters are as small ones. Days stand before months, but after a year in four digits, or in numbers that
would be no date: 4/9/2021 is the 4th of September, 9/23/2021 the 23rd. Years are 1950 to 2049, also in two
digits. Mistakes are made in words only, and none with which a month's name could be another's.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from common import attention_map, report, session, translation
from common.dates import FIRST, LAST, tidy
from common.translation import DateRun, Settings

BEAMS = 4
SHOWN = [  # language, kind, mistakes: what the picture of attention has of the test's examples
    ("English", "name", 0),
    ("German", "name", 1),
    ("Spanish", "name", 0),
    ("Finnish", "name", 1),
    ("English", "number", 0),
    ("French", "shortened", 0),
]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    first, *_, rules = __doc__.strip().split("\n\n")
    usual = "Without options: trained and tested in under 3 minutes on two cores."
    parser = argparse.ArgumentParser(description=first, epilog=f"{rules} {usual}")
    add = parser.add_argument
    add(
        "--ask",
        nargs="*",
        metavar="DATE",
        help="translate these, or what you type; with a model that is trained already if there is one in "
        "--out, else after training",
    )
    add(
        "--minutes",
        type=float,
        help=f"train for so long (default {Settings.minutes}, unless --steps is given)",
    )
    add("--steps", type=int, help="train for so many steps; repeatable bit for bit, unlike --minutes")
    session.add_run(parser)
    session.add_workers(parser)
    size = parser.add_argument_group("model and training")
    for name, kind, meaning in (
        ("batch", int, "dates in a step"),
        ("width", int, "features of a character (d_model)"),
        ("heads", int, "attention heads"),
        ("layers", int, "layers of the encoder, and of the decoder"),
        ("dropout", float, "dropout probability"),
        ("lr", float, "highest learning rate (AdamW)"),
        ("weight-decay", float, "of AdamW, for matrices"),
    ):
        size.add_argument(
            f"--{name}", type=kind, help=f"{meaning} (default {getattr(Settings, name.replace('-', '_'))})"
        )
    parser.set_defaults(log=None)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.ask is not None and not options.resume:
        folders = [options.out] if options.out else Path("runs").glob(f"{translation.FOLDER}*")
        if (last := translation.newest(folders)) is not None:
            options.out = last.parent
            return session.attempt(options, DateRun, answer, translation.restored)
    return session.attempt(options, DateRun, work)


def work(run: DateRun, options: argparse.Namespace) -> int:
    """Train, test and draw; then answer, if asked to."""
    train, val, kept = (len(stock.days) for stock in (*run.blocks.values(), run.test))
    print(f"{train + val + kept:,} days from {FIRST} to {LAST}: {train:,} to train on, {val:,} to validate, "
          f"{kept:,} to test with; {sum(p.size for p in run.model.parameters()):,} parameters")  # fmt: skip
    if not session.trained(run, options):
        return 130
    run.model.eval()
    test(run)
    report.draw(run.history, [], run.out / "loss.png", scale="log")
    print(f"{run.step:,} steps, {run.seconds:,.0f} s of training; checkpoints, loss.png and attention.png "
          f"are in {run.out}")  # fmt: skip
    return 0 if options.ask is None else answer(run, options)


def test(run: DateRun) -> None:
    """Translate every day of the test once, greedily and by beams; tell and draw what came."""
    examples = run.test_examples()
    texts = [e.text for e in examples]
    greedy, beams = (
        list(zip(examples, translation.translated(run.model, texts, n), strict=True)) for n in (1, BEAMS)
    )
    print(f"exact match on {len(texts):,} days that training had in no form: greedily "
          f"{translation.share(greedy)} %, by {BEAMS} beams {translation.share(beams)} %")  # fmt: skip
    print(translation.table(beams))
    wrong = [(e, a) for e, a in beams if a != e.iso]
    if wrong:
        print(f"{len(wrong)} are wrong: {translation.confusion(wrong)}")
    for e, a in wrong[:8]:
        print(f"  {e.text:40} {a}, not {e.iso} ({e.language})")
    draw_attention(run, beams, run.out / "attention.png")


def draw_attention(run: DateRun, pairs: translation.Pairs, path: Path) -> None:
    """What the decoder looked at in the first of the texts that are as `SHOWN` has it, if there are any."""
    shown = []
    for wanted in SHOWN:
        shown += [(e, a) for e, a in pairs if (e.language, e.kind, e.mistakes) == wanted][:1]
    texts = [(f"{e.language}: {e.text} is {a}", e.text, a) for e, a in shown]
    if texts:
        attention_map.draw(texts, [translation.seen(run.model, e.text, a) for e, a in shown], path)


def answer(run: DateRun, options: argparse.Namespace) -> int:
    """Translate the dates of --ask, or what is typed until the input ends; 2 if one of them is no date."""
    if options.ask:
        return 0 if all([tell(run, text) for text in options.ask]) else 2
    print(f"a date in any of the twelve languages, {FIRST.year} to {LAST.year}; an empty line to end")
    while text := typed():
        tell(run, text)
    return 0


def typed() -> str:
    try:
        return input("date: ").strip()
    except EOFError:
        print()
        return ""


def shown(iso: str) -> str:
    try:
        return str(date.fromisoformat(iso))
    except ValueError:
        return f"{iso}, which is no date"


def tell(run: DateRun, text: str) -> bool:
    """Print what the model takes a text for; False, and why, where it cannot be read."""
    try:
        found = translation.ranked(run.model, text, BEAMS)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return False
    likely = [found[0], *(pair for pair in found[1:] if pair[1] >= 0.01)]
    print(f"{tidy(text)}: " + ", ".join(f"{shown(iso)} ({100 * p:.0f} %)" for iso, p in likely))
    return True


if __name__ == "__main__":
    sys.exit(main())
