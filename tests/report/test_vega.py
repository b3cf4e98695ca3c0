"""Vega's scripts are made once, and never from a damaged copy."""

import pytest
import vl_convert

from blocklens.report import vega


@pytest.fixture
def made(monkeypatch, tmp_path):
    """How often the scripts were made; each call of `vega_bundle` is a new process's."""
    times = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda: times.append(1) or "let é = 1")
    return times


def test_a_second_process_reads_what_the_first_has_kept(made, tmp_path):
    for _ in range(2):
        assert vega.vega_bundle.__wrapped__() == "let é = 1"
    assert len(made) == 1
    (kept,) = (tmp_path / "blocklens").iterdir()
    kept.write_text("let é = ", "utf-8")
    assert vega.vega_bundle.__wrapped__() == "let é = 1"
    assert len(made) == 2
    assert kept.read_text("utf-8") == "let é = 1"


def test_where_nothing_can_be_kept_they_are_made_each_time(made, tmp_path):
    (tmp_path / "blocklens").write_text("a file where the folder should be")
    for _ in range(2):
        assert vega.vega_bundle.__wrapped__() == "let é = 1"
    assert len(made) == 2
