"""Signals end a job after what is being done is saved; the way on is named."""

import os
import signal

import pytest

from blocklens.errors import UserError
from blocklens.launched import refuse_torchrun
from blocklens.stopping import Stopped, stopping_at_once, stopping_between_steps, way_on


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_step_and_a_second_does_not(number):
    before = signal.getsignal(number)
    with stopping_between_steps() as signals:
        assert signals.number is None
        os.kill(os.getpid(), number)
        assert signals.number == number
        with pytest.raises(Stopped):
            os.kill(os.getpid(), number)
    with stopping_at_once(), pytest.raises(Stopped):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_the_way_on_is_the_same_command_and_for_pretrain_with_resume():
    assert way_on(["study", "my texts"]) == "blocklens study 'my texts'"
    assert way_on(["pretrain", "a"]) == "blocklens pretrain a --resume"
    assert way_on(["pretrain", "a", "--sizes", "1,2"]) == "blocklens pretrain a --sizes 1,2"


def test_what_cannot_gain_from_several_processes_refuses_them(monkeypatch):
    refuse_torchrun("pretrain", "one process trains")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="pretrain: one process trains, and 2 processes were"):
        refuse_torchrun("pretrain", "one process trains")
