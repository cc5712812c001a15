"""Correlation as matrix products, one for each row of the kernels.

The columns of a product are positions, its inner axis channels and the taps of one row of a kernel. Those
taps are copied beside each other into a buffer (..., rows of x, inner positions), for so few images or rows
that it stays in the cache. What a kernel's next row meets lies one row further in the same buffer, so that a
kernel of 3 x 3 needs 3 copies of x and not 9. If x is read in steps of two rows, there is a buffer of even
rows and one of odd. Where a row has few taps the whole kernel is taken as one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

COLUMNS = 128  # positions that a product should have: below, images are joined
BUFFER = 1 << 18  # numbers
INNER = 40  # below, the rows of a kernel are joined


class Block(NamedTuple):
    """What is done at a time: some images, `joined` of them in a product, or some rows of y of them."""

    images: slice
    joined: int
    rows: slice

    @property
    def products(self):
        return (self.images.stop - self.images.start) // self.joined


class Rows:
    """How a padded x (N, C, ...), or the room for one, is read for products with kernels."""

    def __init__(self, x, kernels, geometry, positions, padded=False):
        """If `padded`, x is to be surrounded by zeros first: in room for a block, that stays in cache."""
        groups = geometry.groups
        count, channels = x.shape[:2]
        first, *others = geometry.kernel
        whole = x.shape[1] // groups * math.prod(others)
        self.joined = first == 1 or whole < INNER or kernels.size > x.size
        self.outer = groups, channels // groups, *(geometry.kernel if self.joined else others)
        self.taps = self.outer[2:]
        self.count, (self.rows, *inner) = count, positions
        self.inner, self.places = math.prod(inner), tuple(inner)
        step, space = (1, 0) if self.joined else (geometry.stride[0], geometry.dilation[0])
        self.step = step
        self.row_taps = [divmod(i * space, step) for i in range(1 if self.joined else first)]  # offset, phase
        self.phases = sorted({phase for _, phase in self.row_taps})
        self.width = math.prod(self.outer[1:])
        self.limit = max(BUFFER, kernels.size)
        self.scratch, self.dtype = {}, x.dtype
        self.source = x if padded and any(map(any, geometry.padding)) else None
        if self.source is not None:
            sizes = zip(x.shape[2:], geometry.padding, strict=True)
            x = np.zeros((self.most_images(), channels, *(n + a + b for n, (a, b) in sizes)), x.dtype)
            self.inside = x[inside(self.source.shape[2:], geometry)]
        self.view = self._windows(x, geometry)

    def _windows(self, x, geometry):
        """x as (N, *outer, rows, places in a row): what each tap meets, a view."""
        steps = [s * b for s, b in zip(geometry.stride, x.strides[2:], strict=True)]
        spaces = [d * b for d, b in zip(geometry.dilation, x.strides[2:], strict=True)]
        if not self.joined:
            steps[0], spaces = x.strides[2], spaces[1:]
        return as_strided(
            x,
            (len(x), *self.outer, self.rows if self.joined else x.shape[2], *self.places),
            (x.strides[0], x.strides[1] * self.outer[1], x.strides[1], *spaces, *steps),
        )

    def most_images(self):
        """How many a block may have."""
        least = self.least_images()
        return min(self.count, max(1, self.limit // (self.row_size() * self.rows * least)) * least)

    def least_images(self):
        """How many a product has."""
        positions = self.rows * self.inner
        return 1 if positions >= COLUMNS else min(self.count, -(-2 * COLUMNS // positions))

    def row_size(self):
        return self.outer[0] * self.width * self.inner * len(self.phases)

    def blocks(self, join=False):
        """Blocks, with one product for all of its images if `join`."""
        images, least = self.most_images(), self.least_images()
        line = self.row_size() * least
        rows = min(self.rows, max(1, self.limit // line, -(-COLUMNS // (self.inner * least))))
        ends = set(range(0, self.count, images))
        if not join:
            last = self.count % images or images
            ends.add(self.count - last % least)
        ends = sorted(ends | {self.count})
        for start, stop in zip(ends, ends[1:], strict=False):
            if self.source is not None:
                self.inside[: stop - start] = self.source[start:stop]
            joined = stop - start if join else min(least, stop - start)
            for r in range(0, self.rows, rows):
                yield Block(slice(start, stop), joined, slice(r, min(r + rows, self.rows)))

    def room(self, name, *shape):
        """An array of this shape, the same again for the same name as long as it fits."""
        made = self.scratch.get(name)
        if made is None or made.shape != shape:
            made = self.scratch[name] = np.empty(shape, self.dtype)
        return made

    def seen(self, block):
        """{phase: (view of x, buffer of its shape, the buffer as matrices)} for a block.

        Their axes are products, groups, channels, taps, rows, images of a product, places in a row.
        """
        found = {}
        axis = 1 + len(self.outer)
        images = block.images
        if self.source is not None:
            images = slice(0, images.stop - images.start)
        for phase in self.phases:
            last = block.rows.stop + max(offset for offset, p in self.row_taps if p == phase)
            start = phase + self.step * block.rows.start
            there = slice(start, phase + self.step * (last - 1) + 1, self.step)
            part = self.view[(images, *[slice(None)] * len(self.outer), there)]
            part = part.reshape(block.products, block.joined, *part.shape[1:])
            part = part.transpose(0, *range(2, axis + 2), 1, *range(axis + 2, part.ndim))
            buffer = self.room(phase, *part.shape)
            found[phase] = part, buffer, buffer.reshape(block.products, self.outer[0], self.width, -1)
        return found

    def gathered(self, block):
        """For each row of the kernels what it meets in a block: (products, groups, width, positions)."""
        found = self.seen(block)
        for phase, (part, buffer, flat) in found.items():
            if part.flags.c_contiguous:
                found[phase] = part, part, part.reshape(flat.shape)
            else:
                buffer[...] = part
        return self.columns(found, block)

    def columns(self, found, block):
        line = block.joined * self.inner
        length = (block.rows.stop - block.rows.start) * line
        return [
            found[phase][2][..., offset * line : offset * line + length] for offset, phase in self.row_taps
        ]

    def scatter(self, found):
        """Add what is in the buffers to where it was seen, one tap after the other."""
        for part, buffer, _ in found.values():
            for tap in np.ndindex(self.taps):
                index = (slice(None), slice(None), slice(None), *tap)
                part[index] += buffer[index]

    def matrices(self, w):
        """A view of kernels, (rows of a kernel, groups, out / groups, channels / groups, taps)."""
        groups, channels = self.outer[:2]
        w = w.reshape(groups, -1, channels, len(self.row_taps), math.prod(self.taps))
        return w.transpose(3, 0, 1, 2, 4)

    def flat(self, w):
        """The same in fewer axes, (rows of a kernel, groups, out / groups, width)."""
        parts = self.matrices(w)
        return parts.reshape(*parts.shape[:3], self.width)

    def of_images(self, y, block):
        """The part of y (N, out, ...) for a block, a view.

        (products, groups, out / groups, rows, images, inner), or the last three as one for single images.
        """
        groups, rows = self.outer[0], block.rows
        part = y[block.images]
        if block.joined == 1:
            part = part.reshape(len(part), groups, -1, self.rows * self.inner)
            return part[..., rows.start * self.inner : rows.stop * self.inner]
        part = part.reshape(block.products, block.joined, groups, -1, self.rows, self.inner)
        return part[..., rows, :].transpose(0, 2, 3, 4, 1, 5)


def correlate(y, x, w, bias, geometry):
    read = Rows(x, w, geometry, y.shape[2:], padded=True)
    kernels = read.flat(w)[:, :, None]
    bias = None if bias is None else bias.reshape(read.outer[0], -1, 1)
    for block in read.blocks():
        target = read.of_images(y, block)
        made = target
        if target.ndim > 4:
            made = read.room("y", *target.shape).reshape(*target.shape[:3], -1)
        first, *others = read.gathered(block)
        size = small(made.shape[-1], kernels[0].size // read.outer[0])
        np.matmul(kernels[0], split(first, size), out=split(made, size))
        if others:
            part = read.room("part", *made.shape)
            pieces = split(part, size)
        for kernel, columns in zip(kernels[1:], others, strict=True):
            np.matmul(kernel, split(columns, size), out=pieces)
            made += part
        if bias is not None:
            made += bias
        if made is not target:
            target[...] = made.reshape(target.shape)


def spread(dx, g, w, geometry):
    room = dx
    if any(map(any, geometry.padding)):
        sizes = zip(dx.shape[2:], geometry.padding, strict=True)
        room = np.empty((*dx.shape[:2], *(n + a + b for n, (a, b) in sizes)), dx.dtype)
    room[...] = 0
    read = Rows(room, w, geometry, g.shape[2:])
    kernels = np.ascontiguousarray(read.flat(w).mT)[:, :, None]
    g = np.ascontiguousarray(g)
    for block in read.blocks():
        part = _copied(read, g, block)
        found = read.seen(block)
        size = small(part.shape[-1], kernels[0].size // read.outer[0])
        alone = len(read.row_taps) == 1
        for _, buffer, _ in found.values():
            if not alone:
                buffer[...] = 0
        for kernel, columns in zip(kernels, read.columns(found, block), strict=True):
            made = columns if alone else read.room("part", *columns.shape)
            np.matmul(kernel, split(part, size), out=split(made, size))
            if not alone:
                columns += made
        read.scatter(found)
    if room is not dx:
        dx[...] = room[inside(dx.shape[2:], geometry)]


def weigh(dw, x, g, geometry):
    read = Rows(x, dw, geometry, g.shape[2:], padded=True)
    g = np.ascontiguousarray(g)
    groups, width, out = read.outer[0], read.width, g.shape[1] // read.outer[0]
    turn = dw.size < g.size  # the smaller one: BLAS is slow at g @ columns.mT and columns @ g.mT
    total = np.zeros((len(read.row_taps), groups, *((width, out) if turn else (out, width))), dw.dtype)
    for block in read.blocks(join=True):
        count = (block.rows.stop - block.rows.start) * read.inner * block.joined
        size = small(count, width * out) if turn else count
        if turn:
            part = _turned(read, g, block, count).reshape(groups, -1, size, out)
        else:
            part = _copied(read, g, block)[0][:, None]
        made = read.room("dw", groups, part.shape[1], *total.shape[2:])
        for sums, columns in zip(total, read.gathered(block), strict=True):
            columns = columns[0]
            if turn:
                np.matmul(split(columns, size), part, out=made)
            else:
                np.matmul(part, columns.mT[:, None], out=made)
            sums += made.sum(axis=1) if made.shape[1] > 1 else made[:, 0]
    target = read.matrices(dw)
    target[...] = (total.swapaxes(2, 3) if turn else total).reshape(target.shape)


def _turned(read, g, block, count):
    """The part of g for a block of one product as (groups, positions, out).

    By way of rows that are no power of 2 apart: those would share one place in the cache.
    """
    part = read.of_images(g, block)[0]
    groups, out = part.shape[:2]
    apart = read.room("apart", groups, out, count + 16)[..., :count]
    apart.reshape(part.shape)[...] = part
    turned = read.room("turned", groups, count, out)
    turned[...] = apart.mT
    return turned


# OpenBLAS multiplies matrices of up to this many products by other kernels, which pack nothing: up to twice
# as fast where one matrix is narrow, with AVX-512. They use one thread.
SMALL = 1_000_000
LEAST = 48


def small(columns, size):
    """How many of the columns a matrix of `size` elements is best multiplied with at a time."""
    for count in range(1, columns // LEAST + 1):
        if columns % count == 0 and columns // count * size <= SMALL:
            return columns // count
    return columns


def split(matrices, size):
    """(..., rows, columns) as (..., parts, rows, size), a view."""
    return matrices.reshape(*matrices.shape[:-1], -1, size).swapaxes(-2, -3)


def _copied(read, g, block):
    part = read.of_images(g, block)
    if part.ndim == 4:
        return part
    copy = read.room("g", *part.shape)
    copy[...] = part
    return copy.reshape(*part.shape[:3], -1)


def inside(sizes, geometry):
    """The index of x in a padded array."""
    edges = zip(sizes, geometry.padding, strict=True)
    return (..., *(slice(a, a + n) for n, (a, _) in edges))
