"""Train a variational autoencoder on handwritten digits, and draw digits that nobody has written.

Kingma and Welling 2014, arXiv:1312.6114: an encoder says where in a plane an image belongs, a normal
distribution; a decoder draws an image for each place; the loss is how much is lost on the way, and how far
the distributions are from the standard one. Writes a picture: the plane with the digits in it, and what the
decoder draws on a grid over the plane.
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
from tapegrad.nn.random import generator


class VAE(nn.Module):
    """Images (N, 1, 8, 8) through a plane: logits of their pixels, and the mean and log variance (N, 2)."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 16, 4 * width),
            nn.SiLU(),
            nn.Linear(4 * width, 4),
        )
        self.decoder = nn.Sequential(
            nn.Linear(2, 4 * width),
            nn.SiLU(),
            nn.Linear(4 * width, 2 * width * 16),
            nn.SiLU(),
            nn.Unflatten(1, (2 * width, 4, 4)),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def encode(self, images):
        parameters = self.encoder(images)
        return parameters[:, :2], parameters[:, 2:]

    def forward(self, images):
        mean, log_variance = self.encode(images)
        noise = generator().standard_normal(mean.shape).astype(mean.dtype)
        place = mean + noise * np.exp(log_variance / 2)
        return self.decoder(place), mean, log_variance


def loss_of(model: VAE, images: np.ndarray) -> Tensor:
    """The mean over images of what a bound of -log p(image) takes: reconstruction and distance, in nats."""
    logits, mean, log_variance = model(images)
    lost = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    distance = (np.exp(log_variance) + mean**2 - 1 - log_variance).sum() / 2
    return (lost + distance) / len(images)


def main(arguments: list[str] | None = None) -> int:
    parser = program.parser(__doc__, epochs=60, batch=64, width=32, lr=2e-3, out="runs/vae")
    return program.attempt(run, parser.parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Train, test, draw."""
    keep_memory()
    nn.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    train, test = digits.load(options.seed)
    if options.batch > len(train):
        raise ValueError(f"--batch {options.batch} is more than the {len(train)} digits to train on")
    model = VAE(options.width)
    print(f"{len(train):,} digits to train on; {sum(p.size for p in model.parameters()):,} parameters")
    optimizer = nn.optim.Adam(model.parameters(), lr=options.lr)
    start = time.perf_counter()
    for epoch in range(1, options.epochs + 1):
        losses = []
        for images, _ in train.batches(options.batch, rng):
            optimizer.zero_grad()
            loss = loss_of(model, images)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 5 == 0 or epoch == options.epochs:
            with no_grad():
                tested = loss_of(model, test.images).item()
            print(f"epoch {epoch:2}: loss {np.mean(losses):.2f}, test {tested:.2f}, "
                  f"{time.perf_counter() - start:.1f} s")  # fmt: skip
    draw(model, test, options.out / "vae.png")
    print(f"test loss {tested:.2f} nats an image; the picture is {options.out / 'vae.png'}")


@no_grad
def draw(model: VAE, test: digits.Digits, path: Path, side: int = 16) -> None:
    """Write the plane with the test digits, and the decoder's images on a grid over it, to `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    places = model.encode(test.images)[0].data
    line = np.linspace(-2.5, 2.5, side, dtype=np.float32)
    grid = np.stack(np.meshgrid(line, line[::-1]), axis=-1).reshape(-1, 2)
    images = F.sigmoid(model.decoder(grid)).data.reshape(side, side, 8, 8)
    images = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))  # a margin around each
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
    dots = left.scatter(*places.T, c=test.labels, cmap="tab10", s=12, vmin=-0.5, vmax=9.5)
    figure.colorbar(dots, ax=left, ticks=range(10), label="digit")
    left.set(title="where the test digits are", xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    extent = (line[0], line[-1], line[0], line[-1])
    right.imshow(images.swapaxes(1, 2).reshape(10 * side, 10 * side), cmap="gray_r", extent=extent)
    right.set(title="what is drawn there")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
