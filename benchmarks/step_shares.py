"""Where the time of one of our training steps goes, from PyTorch's profiler.

Every operation's own time (without that of the operations inside it) counts for one part, by its
name and by the shapes it works on; what no operation accounts for is the data path and Python.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.calibration import SIZE
from blocklens.encoder import matmul
from blocklens.pretraining.training import Training

PRODUCTS = ("mkldnn::_linear_pointwise", "aten::addmm", "aten::mm")
PARTS = {
    "attention": ("aten::bmm", "aten::baddbmm", "aten::_softmax"),
    "loss": ("aten::_log_softmax", "aten::nll_loss", "aten::argmax"),
    "layer norms": ("aten::native_layer_norm",),
    "gelu": ("aten::gelu",),
    "optimiser and clipping": (
        "aten::_fused_adam",
        "aten::_foreach",
        "aten::linalg_vector_norm",
        "Optimizer",
    ),
}


def shares_of_a_step(training: Training, steps: int = 10) -> dict[str, float]:
    """Shares of a step's time by part."""
    training.step()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as found:
        start = time.perf_counter()
        for _ in range(steps):
            training.step()
        seconds = time.perf_counter() - start
    parts: Counter[str] = Counter()
    for event in found.key_averages(group_by_input_shape=True):
        part = part_of(event.key, event.input_shapes, len(training.tokenizer))
        parts[part] += event.self_cpu_time_total / 1e6
    parts["data and Python"] = seconds - sum(parts.values())
    return {part: round(value / seconds, 3) for part, value in parts.most_common()}


def part_of(name: str, shapes: Any, vocabulary: int) -> str:
    """The part of a step that the operation `name` on tensors of `shapes` belongs to."""
    if name in PRODUCTS:
        of_vocabulary = any(vocabulary in shape for shape in shapes if isinstance(shape, list))
        return "products of the vocabulary layer" if of_vocabulary else "products of the blocks"
    for part, beginnings in PARTS.items():
        if name.startswith(beginnings):
            return part
    return "other operations (sums, copies, dropout, embeddings)"


def matrix_gflops(dtype: torch.dtype, repeats: int = 20) -> float:
    """10^9 operations a second of the product of two square matrices, the way that we take it."""
    left, right = (torch.rand(SIZE, SIZE).to(dtype) for _ in range(2))
    times = []
    with torch.no_grad():
        for _ in range(repeats):
            start = time.perf_counter()
            matmul.linear(left, right, None)
            times.append(time.perf_counter() - start)
    return 2 * SIZE**3 / statistics.median(times[3:]) / 1e9
