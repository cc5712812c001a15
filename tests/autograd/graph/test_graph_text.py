"""Graphs as text, and in Mermaid's language."""

import re

import numpy as np
import pytest

from graph_cases import leaf, long_chain, network, transformer
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import units

EXPECTED = """
10 nodes (6 ops), 65 parameters, 62.5 kFLOPs, 38.9 kB saved for backward, peak 103 kB
                    output  parameters   FLOPs    saved
Network           (256, 1)          65  61.7 k  36.9 kB
├ hidden Linear  (256, 16)          48  20.5 k   4.1 kB
├ tanh           (256, 16)              32.8 k  32.8 kB
└ out Linear      (256, 1)          17  8.45 k  32.8 kB
subtract          (256, 1)                 256
power 2           (256, 1)                 256  2.05 kB
mean                scalar                 256
"""


def test_a_small_network():
    model, loss = network()
    assert str(ag.Graph(loss)).splitlines() == EXPECTED.strip("\n").splitlines()


def test_a_tree_of_modules():
    model, loss = transformer()
    text = str(ag.Graph(loss))
    lines = text.splitlines()
    assert len(lines) < 60
    assert re.search(r"^│ ├ layers\.0…1 × 2 TransformerEncoderLayer +\(2, 8, 16\)", text, re.MULTILINE)
    assert re.search(r"^│ │ ├ self_attn MultiheadAttention ", text, re.MULTILINE)
    assert re.search(r"^cross_entropy +scalar ", text, re.MULTILINE)
    assert lines[0] == ag.Graph(loss).summary()


def test_the_summary_has_all_totals():
    model, loss = network()
    summary = ag.Graph(loss).summary()
    assert re.fullmatch(
        r"\d+ nodes \(\d+ ops\), 65 parameters, [\d.]+ kFLOPs, [\d.]+ kB saved for backward, peak [\d.]+ kB",
        summary,
    )


def test_a_long_chain_is_short():
    text = str(long_chain())
    assert len(text.splitlines()) < 30 and "99,981 more ops" in text


def test_after_backward_and_after_a_failure():
    _, loss = network()
    loss.backward()
    assert "backward has run" in str(ag.Graph(loss))
    with pytest.raises(ValueError) as caught:
        np.tanh(leaf(2, 3)) @ leaf(2, 3)
    assert "failed" in str(ag.Graph(caught.value)) and "ValueError: matmul" in str(ag.Graph(caught.value))


def test_mermaid():
    model, loss = network()
    text = ag.visualize(loss, model, depth=1).mermaid
    assert text.startswith("flowchart TD\n")
    assert text.count("subgraph") == text.count("  end\n") == 1
    assert '("tanh"):::op' in text and '-->|"(256, 16)"|' in text and "classDef module" in text
    assert ag.visualize(loss, model, depth=1).markdown == f"```mermaid\n{text}```\n"


def test_mermaid_has_no_character_that_means_something():
    evil = type('A"]\nend<script>', (nn.Linear,), {})
    model = evil(2, 2)
    text = ag.visualize(model(np.ones((1, 2), np.float32))).mermaid
    assert "<script" not in text and 'A"' not in text and "#60;script#62;" in text
    assert text.count("end\n") == text.count("subgraph")


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234, "1.23 kB"), (999_700, "1 MB"), (2**60, "1,153 PB")],
)
def test_bytes(n, text):
    assert units.nbytes(n) == text


def test_other_units():
    assert units.count(1_234_567) == "1.23 M" and units.count(12) == "12"
    assert units.seconds(0.0123) == "12.3 ms" and units.seconds(75) == "75 s" and units.seconds(0) == "0 ns"
    assert units.shape(()) == "scalar" and units.shape((3,)) == "(3,)" and units.shape(None) == "?"
