"""Files appear whole; one process writes at a time; what dead ones left is swept."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from blocklens.errors import UserError
from blocklens.storage import locked, lone_file, output_folder, whole_file, whole_folder

HOLD = """
import sys, time
from pathlib import Path
from blocklens.storage import locked, whole_folder
with locked(Path(sys.argv[1])), whole_folder(Path(sys.argv[1]) / "result") as partial:
    (partial / "half").write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder's lock, in the middle of writing."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_writes(holder, tmp_path):
    with (
        pytest.raises(UserError, match=f"process {holder.pid} on .*: wait for it"),
        locked(tmp_path),
    ):
        pass
    assert list(tmp_path.glob(".result.*"))  # nothing of the other's was swept


def test_a_killed_process_locks_nobody_out_and_its_leftovers_are_swept(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert list(tmp_path.glob(".result.*.partial"))
    output_folder(tmp_path, "study.json")  # leftovers alone are no other things
    with locked(tmp_path):
        assert not list(tmp_path.glob(".result.*"))
    with locked(tmp_path):  # nor does a process lock itself out
        pass


def test_a_command_with_a_name_that_is_not_utf8_can_hold_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["blocklens", "study", "caf\udce9.txt"])
    with locked(tmp_path):
        assert r"study caf\\xe9.txt" in "".join(
            one.read_text() for one in tmp_path.glob(".*") if one.is_file()
        )


def fail(partial):
    """Fail in the middle of writing."""
    (partial / "new" if partial.is_dir() else partial).write_text("new")
    raise ZeroDivisionError


def test_a_failure_leaves_what_was_there_before(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    for write, name in ((whole_file, "file"), (whole_folder, "folder")):
        with pytest.raises(ZeroDivisionError), write(tmp_path / name) as partial:
            fail(partial)
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_a_dead_process_left_of_a_file_is_removed_and_nothing_else(tmp_path):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True, text=True)  # fmt: skip
    dead = int(done.stdout)
    (tmp_path / f".file.{dead}-0a1b.partial").write_text("half")
    kept = [f".file.{os.getppid()}-0a1b.partial", f".file.csv.{dead}-0a1b.partial", ".file.partial"]
    for name in kept:
        (tmp_path / name).touch()
    with lone_file(tmp_path / "file") as partial:
        partial.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["file", *kept])


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with whole_file(tmp_path / "file") as one, whole_file(tmp_path / "file") as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert (tmp_path / "file").read_text() == "one"  # the last that ended


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (RuntimeError("File too large (os error 27)"), "a file may not grow so large"),
    ],
)
def test_a_disk_without_room_is_one_line_whatever_library_met_it(tmp_path, error, said):
    with pytest.raises(UserError, match=said), whole_folder(tmp_path / "a"):
        raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_whose_name_is_not_utf8_is_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(UserError, match=r"caf\\xe9: not a name in UTF-8: choose another folder"):
        output_folder(tmp_path / "caf\udce9", "study.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written: choose another folder"):
        output_folder(tmp_path / "out", "study.json")
