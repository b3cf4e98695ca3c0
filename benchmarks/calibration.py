"""How fast the machine is right now: recorded beside every figure, since machines change speed.

python -m benchmarks.calibration
"""

from __future__ import annotations

import statistics
import time

import torch

SIZE = 1024
BYTES = 256 * 2**20


def calibrate(threads: int = 2, repeats: int = 5) -> dict[str, float]:
    """Speed of a float32 matrix product and of copying memory, medians.

    Returns:
        `calibration_gflops`, 10^9 operations a second of a 1024 x 1024 x 1024 product, and
        `calibration_gbs`, GB read and written a second by a copy of 128 MiB.

    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    left, right = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE)
    product = torch.empty(SIZE, SIZE)
    source = torch.zeros(BYTES // 8)
    target = torch.zeros(BYTES // 8)
    products, copies = [], []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        for _ in range(4):
            torch.mm(left, right, out=product)
        products.append((time.perf_counter() - start) / 4)
        start = time.perf_counter()
        target.copy_(source)
        copies.append(time.perf_counter() - start)
    torch.set_num_threads(before)
    return {
        "calibration_gflops": round(2 * SIZE**3 / statistics.median(products[1:]) / 1e9, 1),
        "calibration_gbs": round(BYTES / statistics.median(copies[1:]) / 1e9, 2),
    }


if __name__ == "__main__":
    print(calibrate())
