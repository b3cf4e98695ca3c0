"""What the machine or the files lack is one line that says what to do."""

import pytest
import torch

from blocklens.encoder.loading import on_device
from blocklens.errors import UserError


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps", "xpu", "hpu"])
def test_a_device_that_is_not_here_is_one_line(device):
    backend = getattr(torch, device.split(":")[0], None)
    if backend is not None and backend.is_available():
        pytest.skip(f"there is {device}")
    with pytest.raises(UserError, match=rf"--device {device}: cannot be used here .* leave it out"):
        on_device(torch.nn.Linear(1, 1), device)
