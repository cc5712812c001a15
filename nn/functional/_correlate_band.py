"""Correlation of each channel with a kernel of its own, as products with banded matrices.

Sums of shifted products would read and write every number once for each tap. Here a strip of y, some 16
columns wide, is a product: row r of y, of this width, is the rows of x that its kernel meets, laid one after
the other, times a matrix that has the kernel on its diagonals. Most of its elements are 0, and still BLAS is
faster. As 0 times inf is nan, numbers that are not finite would be felt too far away; where there are any, it
is left to the products of _correlate_rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

STRIP = 16  # columns, more or less: of 4 to 32, 8 to 16 are the fastest
BUFFER = 1 << 18  # numbers


def lifted(x, w, y, geometry):
    """With two axes where there is one."""
    if len(geometry.kernel) == 2:
        return x, w, y, geometry
    one = {"kernel": (1,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,)}
    more = geometry._replace(**{name: value + getattr(geometry, name) for name, value in one.items()})
    return x[:, :, None], w[:, :, None], y[:, :, None], more


class Strips:
    """x (N, C, H, W) cut into strips of columns, and kernels as matrices."""

    def __init__(self, x, y, geometry):
        self.x, self.geometry = x, geometry
        self.out_rows, columns = y.shape[2:]
        (self.top, bottom), self.left = geometry.padding[0], geometry.padding[1][0]
        count = -(-columns // STRIP)
        self.strip = -(-columns // count)  # columns of y
        self.strips = [slice(i, min(i + self.strip, columns)) for i in range(0, columns, self.strip)]
        self.height = geometry.span(0)
        self.width = (self.strip - 1) * geometry.stride[1] + geometry.span(1)  # columns of x for a strip
        step = geometry.stride[0]
        self.image = -(
            -(x.shape[2] + self.top + bottom) // step
        )  # rows of y for an image, some to be dropped
        # Windows that begin `apart` rows of y apart do not overlap, as BLAS wants it.
        self.apart = -(-self.height // step)
        self.moves = -(-x.shape[0] * self.image // self.apart)
        self.length = (self.moves * self.apart) * step + self.height

        size = len(self.strips) * self.length * self.width
        self.step = min(x.shape[1], max(1, BUFFER // size))  # channels at a time
        self.buffer = np.zeros((self.step, len(self.strips), self.length, self.width), x.dtype)

    def blocks(self):
        """Slices of channels."""
        channels = self.x.shape[1]
        return [slice(c, min(c + self.step, channels)) for c in range(0, channels, self.step)]

    def windows(self, channels):
        """(channels, strips, apart, moves, height * width), in memory that the next call takes again."""
        x, step = self.x[:, channels].swapaxes(0, 1), self.geometry.stride
        buffer = self.buffer[: len(x)]
        rows = buffer[:, :, : x.shape[1] * self.image * step[0]]
        rows = rows.reshape(*rows.shape[:2], x.shape[1], -1, self.width)
        for i, strip in enumerate(self.strips):
            first = strip.start * step[1] - self.left
            seen = slice(max(0, first), max(0, min(first + self.width, x.shape[3])))
            there = slice(seen.start - first, seen.stop - first)
            rows[:, i, :, self.top : self.top + x.shape[2], there] = x[..., seen]
        line = buffer.strides[2]
        return as_strided(
            buffer,
            (*buffer.shape[:2], self.apart, self.moves, self.height * self.width),
            (*buffer.strides[:2], line * step[0], line * step[0] * self.apart, buffer.itemsize),
        )

    def room(self):
        """For y: (channels, strips, moves, apart, columns), and the same by rows of images."""
        made = np.empty((self.step, len(self.strips), self.moves, self.apart, self.strip), self.x.dtype)
        count, images = len(self.strips), self.x.shape[0]
        rows = made.reshape(self.step, count, -1, self.strip)[:, :, : images * self.image]
        rows = rows.reshape(self.step, count, images, self.image, self.strip)[:, :, :, : self.out_rows]
        return made, rows

    def diagonals(self, matrices):
        """What is a tap's in matrices (channels, height, width, columns): (channels, *kernel, columns)."""
        rows, columns = self.geometry.dilation
        s = matrices.strides
        return as_strided(
            matrices,
            (len(matrices), *self.geometry.kernel, self.strip),
            (s[0], s[1] * rows, s[2] * columns, s[2] * self.geometry.stride[1] + s[3]),
        )


@np.errstate(all="ignore")
def correlate(y, x, w, geometry):
    """Put it into y; False where numbers that are not finite came out."""
    x, w, y, geometry = lifted(x, w, y, geometry)
    read = Strips(x, y, geometry)
    matrices = np.zeros((len(w), read.height, read.width, read.strip), x.dtype)
    read.diagonals(matrices)[...] = w[:, 0, :, :, None]
    matrices = matrices.reshape(len(w), 1, 1, -1, read.strip)
    room, rows = read.room()
    finite = True
    for channels in read.blocks():
        count = channels.stop - channels.start
        made = room[:count]
        np.matmul(read.windows(channels), matrices[channels], out=made.swapaxes(2, 3))
        finite = finite and math.isfinite(np.vdot(made, made))
        for i, strip in enumerate(read.strips):
            y[:, channels, :, strip] = rows[:count, i, ..., : strip.stop - strip.start].swapaxes(0, 1)
    return finite


@np.errstate(all="ignore")
def weigh(dw, x, g, geometry):
    """Put the gradient of the kernels into dw; False where numbers that are not finite came out.

    Inner products of all that a channel of x has with g moved by the place of a tap: g has zeros where x is
    padded, and between its elements if the kernels move in steps.
    """
    x, dw, g, geometry = lifted(x, dw, g, geometry)
    count, channels = x.shape[:2]
    sizes = [n + a + b for n, (a, b) in zip(x.shape[2:], geometry.padding, strict=True)]
    top, left = (before for before, _ in geometry.padding)
    step = min(channels, max(1, BUFFER // (count * math.prod(sizes))))
    one, other = (np.zeros((step, count, *sizes), x.dtype) for _ in range(2))
    inside = one[:, :, top : top + x.shape[2], left : left + x.shape[3]]
    spread = other[:, :, :: geometry.stride[0], :: geometry.stride[1]][:, :, : g.shape[2], : g.shape[3]]
    far, near = ((geometry.kernel[i] - 1) * geometry.dilation[i] for i in (0, 1))
    length = count * math.prod(sizes) - far * sizes[1] - near
    line, item = one.strides[2:]
    places = one.strides[0], line * geometry.dilation[0], item * geometry.dilation[1], item
    met = as_strided(one, (step, *geometry.kernel, length), places)
    moved = other.reshape(step, 1, 1, -1)[..., :length]
    for c in range(0, channels, step):
        n = min(step, channels - c)
        inside[:n] = x[:, c : c + n].swapaxes(0, 1)
        spread[:n] = g[:, c : c + n].swapaxes(0, 1)
        np.vecdot(moved[:n], met[:n], out=dw[c : c + n, 0])
    return bool(np.isfinite(dw).all())
