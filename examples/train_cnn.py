"""Train a convolutional network on handwritten digits, and draw what it confuses and what it looks for.

Residual blocks of 3 x 3 convolutions with batch normalisation, on scikit-learn's 8 x 8 digits, each moved by
up to a pixel whenever it is seen. Writes a picture: the confusion matrix of the test digits, those that are
taken for others, and the first layer's filters.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from common import digits, program

from tapegrad import nn
from tapegrad.autograd import Tensor, keep_memory, no_grad
from tapegrad.nn import functional as F


class Block(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016, arXiv:1512.03385): input (N, width, H, W)."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, input):
        x = F.relu(self.norm1(self.conv1(input)))
        return F.relu(input + self.norm2(self.conv2(x)))


class Network(nn.Module):
    """input (N, 1, 8, 8) to the logits of ten digits, (N, 10)."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.body = nn.Sequential(
            Block(width),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            Block(2 * width),
            nn.AdaptiveAvgPool2d(1),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(2 * width, 10))

    def forward(self, input):
        return self.head(self.body(F.relu(self.first(input))))


def main(arguments: list[str] | None = None) -> int:
    parser = program.parser(__doc__, epochs=20, batch=32, width=32, lr=3e-3, out="runs/cnn")
    return program.attempt(run, parser.parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Train, test, draw."""
    keep_memory()
    nn.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    train, test = digits.load(options.seed)
    if options.batch > len(train):
        raise ValueError(f"--batch {options.batch} is more than the {len(train)} digits to train on")
    model = Network(options.width)
    parameters = sum(p.size for p in model.parameters())
    print(f"{len(train):,} digits to train on, {len(test)} to test with; {parameters:,} parameters")
    optimizer = nn.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.01)
    steps = options.epochs * (len(train) // options.batch)
    schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    loss_of = nn.replay(model, mean_loss)
    start = time.perf_counter()
    for epoch in range(1, options.epochs + 1):
        model.train()
        losses = []
        for images, labels in train.batches(options.batch, rng):
            optimizer.zero_grad()
            loss = loss_of(digits.shifted(images, rng), labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        told = predict(model, test)
        right, seconds = (told == test.labels).mean(), time.perf_counter() - start
        print(f"epoch {epoch:2}: loss {np.mean(losses):.4f}, test accuracy {right:.2%}, {seconds:.1f} s")
    draw(model, test, told, options.out / "cnn.png")
    print(f"test accuracy {right:.2%}; the picture is {options.out / 'cnn.png'}")


def mean_loss(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> Tensor:
    return F.cross_entropy(model(images), labels, label_smoothing=0.05)


@no_grad
def predict(model: nn.Module, data: digits.Digits) -> np.ndarray:
    model.eval()
    return model(data.images).data.argmax(axis=1)


def draw(model: Network, test: digits.Digits, told: np.ndarray, path: Path) -> None:
    """Write the confusion matrix, the digits that are taken for others, and the first filters to `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(10, 4.5), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.4, 0.8, 1))
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (test.labels, told), 1)
    axes = left.subplots()
    axes.imshow(np.sqrt(counts), cmap="Blues")
    for i, j in np.argwhere(counts):
        axes.text(j, i, counts[i, j], ha="center", va="center", color="white" if i == j else "black")
    title = f"{(told == test.labels).mean():.2%} of {len(test)} digits are told right"
    axes.set(xlabel="taken for", ylabel="digit", xticks=range(10), yticks=range(10), title=title)
    wrong = np.flatnonzero(told != test.labels)[:6]
    middle.suptitle("taken for others")
    for cell, i in zip(middle.subplots(3, 2, squeeze=False).flat, [*wrong, *[None] * 6][:6], strict=True):
        cell.axis("off")
        if i is not None:
            cell.imshow(test.images[i, 0], cmap="gray_r")
            cell.set_title(f"{test.labels[i]} for {told[i]}", fontsize=9)
    filters = model.first.weight.data[:32, 0]
    right.suptitle("first filters")
    most = abs(filters).max()
    for cell, kernel in zip(right.subplots(8, 4).flat, [*filters, *[None] * 32][:32], strict=True):
        cell.axis("off")
        if kernel is not None:
            cell.imshow(kernel, cmap="RdBu", vmin=-most, vmax=most)
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
