"""A claim's interval beside its control's, as a small picture in the text."""

import math

from markupsafe import Markup

from blocklens.report.formatting import interval, number

WIDTH, PAD = 240, 8


def interval_rows(
    effect: tuple[float, float, float],
    control: tuple[float, float, float],
    bound: float,
) -> tuple[Markup, Markup]:
    """Two SVG strips on one scale: the encoder's and the control's (centre, low, high).

    The scale is logarithmic where all numbers are positive. A thin line stands at `bound`, the
    value that means no preference.
    """
    numbers = [v for v in (*effect, *control, bound) if v is not None and math.isfinite(v)]
    if not numbers:
        return Markup(""), Markup("")
    log = min(numbers) > 0

    def move(v: float) -> float:
        return math.log(v) if log else v

    low, high = move(min(numbers)), move(max(numbers))
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    margin = 0.06 * (high - low)

    def at(v: float) -> float:
        share = (move(v) - low + margin) / (high - low + 2 * margin)
        return PAD + share * (WIDTH - 2 * PAD)

    one = at(bound) if math.isfinite(bound) else None
    return _strip(effect, at, one, "encoder"), _strip(control, at, one, "control")


def _strip(triple: tuple[float, float, float], at, one: float | None, kind: str) -> Markup:  # noqa: ANN001
    centre, low, high = triple
    parts = [f'<line class="base" x1="0" x2="{WIDTH}" y1="10" y2="10"/>']
    if one is not None:
        parts.append(f'<line class="one" x1="{one:.1f}" x2="{one:.1f}" y1="0" y2="20"/>')
    if all(v is not None and math.isfinite(v) for v in (low, high)):
        parts.append(
            f'<line class="range" x1="{at(low):.1f}" x2="{at(high):.1f}" y1="10" y2="10"/>'
        )
    if centre is not None and math.isfinite(centre):
        parts.append(f'<circle cx="{at(centre):.1f}" cy="10" r="4"/>')
    body = "".join(parts)
    name = f"{kind}: {number(centre)} {interval(low, high)}".strip()
    return Markup(
        f'<svg class="interval {kind}" viewBox="0 0 {WIDTH} 20" '
        f'preserveAspectRatio="xMinYMid" role="img" aria-label="{name}">'
        f"{body}</svg>"
    )
