"""What several tests of studies watch."""

import pytest

from blocklens.studies import heads_part


@pytest.fixture
def measured(monkeypatch):
    """The names of the passes over heads that were measured, in order."""
    names = []
    original = heads_part.run_once

    def watch(run, *rest):
        names.append(run.name)
        return original(run, *rest)

    monkeypatch.setattr(heads_part, "run_once", watch)
    return names
