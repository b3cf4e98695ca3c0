"""Numbers as the page prints them."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd


def number(value: float | None) -> str:
    """Three significant digits in plain notation; a dash for a missing number."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    if abs(value) >= 1e-4:
        return f"{value:.{min(digits, 5)}f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def interval(low: float | None, high: float | None) -> str:
    """`[0.58, 0.64]`, or nothing where there is no interval."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{number(low)}, {number(high)}]"


def rounded(values: Any, digits: int = 4) -> Any:
    """Nested lists of numbers with `digits` significant digits; missing or infinite as None."""
    array = np.asarray(values, np.float64)
    if array.ndim > 1:
        return [rounded(row, digits) for row in array]
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in array.tolist()]


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element, whatever the strings hold."""
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if value is None or value is pd.NA:
        return None
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
