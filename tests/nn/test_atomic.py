"""Files written as a whole or not at all, by programs that are killed and beside others that are not."""

import errno
import os
import subprocess
import sys
import time

import pytest

from tapegrad.nn import atomic

posix = pytest.mark.skipif(os.name != "posix", reason="locks files and kills with a signal")

WRITER = """
import os, sys
from tapegrad.nn import atomic
def fsync(handle, fsync=os.fsync):
    print("written", flush=True)
    sys.stdin.readline()
    fsync(handle)
os.fsync = fsync
atomic.write(sys.argv[1], [b"theirs"])
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "c")


def writer(path):
    """Another program that has written a temporary file for `path` and waits before it renames it."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"written\n"
    return process


def kill(process):
    process.kill()
    process.communicate()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def left(path):
    """The temporary files in the folder of `path`."""
    return sorted(name for name in os.listdir(os.path.dirname(path)) if name.endswith(".tmp"))


def leave(path, monkeypatch, days=0, host=None):
    """A temporary file such as a program that was killed leaves."""
    with monkeypatch.context() as patch:
        if host is not None:
            patch.setattr(atomic, "_host", lambda: host)
        file = atomic._new_temporary(*os.path.split(path))
    file.close()
    then = time.time() - days * atomic.DAY
    os.utime(file.name, (then, then))
    return file.name


@posix
def test_what_killed_programs_left_is_removed_by_the_next_write(path):
    for count in (1, 2):
        processes = [writer(path) for _ in range(2)]
        for process in processes:
            kill(process)
        assert len(left(path)) == 2, count
        atomic.write(path, [b"ours"])
        assert left(path) == [] and content(path) == b"ours"


@posix
def test_what_a_living_program_writes_is_left_to_it(path):
    process = writer(path)
    before = left(path)
    try:
        for _ in range(2):
            atomic.write(path, [b"ours"])
            assert left(path) == before and len(before) == 1
        assert content(path) == b"ours"
    finally:
        process.communicate(b"go on\n")
    assert process.returncode == 0
    assert left(path) == [] and content(path) == b"theirs"


@posix
def test_another_files_temporaries_are_left_alone(path):
    others = [path + ".c", os.path.join(os.path.dirname(path), "[c]"), path[:-1] + ".c"]
    for other in others:
        kill(writer(other))
    before = left(path)
    atomic.write(path, [b"ours"])
    assert left(path) == before and len(before) == 3
    for other in others:
        atomic.write(other, [b"ours"])
    assert left(path) == []


@pytest.mark.parametrize(("days", "kept"), [(0, True), (0.9, True), (2, False)])
def test_another_computers_file_is_left_for_a_day(path, monkeypatch, days, kept):
    leave(path, monkeypatch, days, host="0badcafe")
    atomic.write(path, [b"ours"])
    assert bool(left(path)) == kept


@posix
def test_another_computers_file_is_left_as_long_as_it_is_locked(path, monkeypatch):
    import fcntl

    name = leave(path, monkeypatch, days=9, host="0badcafe")
    with open(name, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        atomic.write(path, [b"ours"])
        assert os.path.exists(name)
    atomic.write(path, [b"ours"])
    assert not os.path.exists(name)


@pytest.mark.parametrize("lack", ["no fcntl", "no locks"])
@pytest.mark.parametrize(("days", "kept"), [(0, True), (2, False)])
def test_without_locks_age_decides(path, monkeypatch, lack, days, kept):
    """On Windows, and on file systems that know no locks."""

    def flock(file, how):
        raise OSError(errno.ENOTSUP, "not supported")

    if lack == "no fcntl":
        monkeypatch.setattr(atomic, "fcntl", None)
    elif atomic.fcntl is not None:
        monkeypatch.setattr(atomic.fcntl, "flock", flock)
    leave(path, monkeypatch, days)
    atomic.write(path, [b"ours"])
    assert content(path) == b"ours" and bool(left(path)) == kept


@posix
def test_a_file_that_is_removed_before_it_is_locked_is_made_again(path, monkeypatch):
    taken = []

    def flock(file, how, flock=atomic.fcntl.flock):
        if not taken:  # another program finds the new file first
            taken.append(file.name)
            atomic._remove_abandoned(*os.path.split(path), now=time.time())
            assert not os.path.exists(file.name)
        flock(file, how)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.fcntl, "flock", lambda file, how: flock(file, how))
        atomic.write(path, [b"ours"])
    assert taken and content(path) == b"ours" and left(path) == []


def test_what_cannot_be_removed_stops_no_write(path, monkeypatch):
    name = leave(path, monkeypatch)
    os.unlink(name)
    os.mkdir(name)
    atomic.write(path, [b"ours"])
    assert content(path) == b"ours" and os.path.isdir(name)


def test_a_missing_folder(path):
    with pytest.raises(FileNotFoundError):
        atomic.write(os.path.join(path, "c"), [b"ours"])
