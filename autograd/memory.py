"""Keeping memory in the process between training steps."""

import ctypes
import sys


def keep_memory() -> bool:
    """Ask the C library not to give freed arrays back to the system; returns whether it could be asked.

    Activations are allocated and freed at every step. By default glibc maps and unmaps arrays over 128 kB
    each time, and touching fresh pages costs up to ten times the arithmetic. This sets two options of glibc's
    malloc (M_MMAP_THRESHOLD and M_TRIM_THRESHOLD) for the whole process, so a program calls it, never the
    library.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    m_trim_threshold, m_mmap_threshold = -1, -3
    return bool(mallopt(m_mmap_threshold, 1 << 25) and mallopt(m_trim_threshold, 2**31 - 1))
