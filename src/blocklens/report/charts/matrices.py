"""Token x token matrices of one text: attention map and context similarity.

A matrix of 128 tokens has 16,384 elements, so it is drawn as one image with the tokens named beside
it and the sentence borders over it, not as marks.
"""

import base64
import io
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8
from PIL import Image

from blocklens.errors import UserError
from blocklens.report.charts.style import DIVERGING, INK, MUTED, SEQUENTIAL, configure


def colour_table(stops: Sequence[str], size: int = 256) -> UInt8[np.ndarray, "size 3"]:
    """`size` RGB colours along the given hex stops."""
    rgb = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], np.float64)
    at = np.linspace(0, len(stops) - 1, size)
    return np.stack(
        [np.interp(at, np.arange(len(stops)), rgb[:, channel]) for channel in range(3)], axis=1
    ).astype(np.uint8)


def attention_levels(
    attention: Float[np.ndarray, "*shape"],
) -> UInt8[np.ndarray, "*shape"]:
    """Attention 0..1 as levels 0..255 on a square-root scale, so that faint rows stay visible."""
    return np.round(np.sqrt(np.clip(attention, 0, 1)) * 255).astype(np.uint8)


def attention_map(
    attention: Float[np.ndarray, "queries keys"],
    tokens: Sequence[str],
    sentences: Sequence[int] | None = None,
    *,
    title: str = "",
) -> alt.LayerChart:
    """Attention map of one head on one text: rows are queries, columns keys.

    `sentences` gives each token's sentence (-1 for special tokens); its borders are drawn.
    Colours follow the square root of the attention, up to the map's largest value.
    Source: docs/definitions.md, attention map.
    """
    levels = attention_levels(_square(attention, tokens))
    scaled = levels.astype(np.float64) / max(int(levels.max()), 1)
    colours = colour_table(SEQUENTIAL)[np.round(scaled * 255).astype(np.uint8)]
    return _matrix(colours, tokens, sentences, title, ("key", "query"))


def similarity(
    matrix: Float[np.ndarray, "tokens tokens"],
    tokens: Sequence[str],
    sentences: Sequence[int] | None = None,
    *,
    title: str = "",
) -> alt.LayerChart:
    """Context similarity matrix of one head on one text, raw scalar products.

    Blue is positive, orange negative; the scale ends at the 99th percentile of the size of the
    off-diagonal elements. Source: docs/definitions.md, context similarity matrix.
    """
    values = _square(matrix, tokens).astype(np.float64)
    bound = similarity_bound(values)
    levels = np.round((np.clip(values / bound, -1, 1) + 1) / 2 * 255).astype(np.uint8)
    return _matrix(colour_table(DIVERGING)[levels], tokens, sentences, title, ("token", "token"))


def similarity_bound(values: Float[np.ndarray, "tokens tokens"]) -> float:
    """The 99th percentile of |S_ij|, i != j; 1 where all of them are 0."""
    off = np.abs(values[~np.eye(len(values), dtype=bool)])
    bound = float(np.quantile(off, 0.99)) if off.size else 0.0
    return bound or 1.0


def sentence_borders(sentences: Sequence[int]) -> list[int]:
    """Positions i where token i starts another sentence than token i - 1 (special tokens aside)."""
    borders, last = [], None
    for position, sentence in enumerate(sentences):
        if sentence < 0:
            continue
        if last is not None and sentence != last:
            borders.append(position)
        last = sentence
    return borders


def _square(matrix: np.ndarray, tokens: Sequence[str]) -> np.ndarray:
    n = len(tokens)
    if matrix.shape != (n, n):
        raise UserError(f"the matrix has shape {matrix.shape}: expected {n} x {n}, one per token.")
    return matrix


def _matrix(
    colours: np.ndarray,
    tokens: Sequence[str],
    sentences: Sequence[int] | None,
    title: str,
    names: tuple[str, str],
) -> alt.LayerChart:
    n = len(tokens)
    pitch = int(np.clip(1100 / max(n, 1), 12, 18))
    size = pitch * n
    data = pd.DataFrame({"token": list(tokens), "at": np.arange(n) + 0.5})
    scale = alt.Scale(domain=[0, n], nice=False)
    down = alt.Scale(domain=[n, 0], nice=False)
    picture = pd.DataFrame({"x": [n / 2], "url": [png_url(colours, upscale=pitch)]})
    image = (
        alt.Chart(picture)
        .mark_image(width=size, height=size)
        .encode(
            x=alt.X("x:Q", scale=scale, axis=None),
            y=alt.Y("x:Q", scale=down, axis=None),
            url="url:N",
        )
    )
    font = min(pitch - 1, 11)
    base = alt.Chart(data)
    rows = base.mark_text(align="right", dx=-4, fontSize=font, color=INK, limit=90).encode(
        x=alt.value(0), y=alt.Y("at:Q", scale=down), text="token:N"
    )
    columns = base.mark_text(
        align="left", angle=270, dx=4, fontSize=font, color=INK, limit=90
    ).encode(x=alt.X("at:Q", scale=scale), y=alt.value(0), text="token:N")
    layers = [image, rows, columns]
    borders = pd.DataFrame({"at": sentence_borders(sentences or [])})
    if len(borders):
        rule = alt.Chart(borders).mark_rule(color=INK, strokeWidth=0.8, opacity=0.7)
        layers += [rule.encode(x=alt.X("at:Q", scale=scale)), rule.encode(y="at:Q")]
    note = alt.TitleParams(
        title or "", subtitle=f"rows: {names[1]}; columns: {names[0]}", subtitleColor=MUTED
    )
    return configure(alt.layer(*layers).properties(width=size, height=size, title=note, padding=60))


def png_url(colours: UInt8[np.ndarray, "rows columns 3"], upscale: int = 1) -> str:
    """An RGB image as a data URL, each element `upscale` pixels wide."""
    big = colours.repeat(upscale, axis=0).repeat(upscale, axis=1)
    out = io.BytesIO()
    Image.fromarray(big, "RGB").quantize(256).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def contact_sheet(
    maps: Float[np.ndarray, "blocks heads tokens tokens"], *, thumb: int = 84, title: str = ""
) -> alt.LayerChart:
    """All heads' attention maps of one text at a glance: rows are blocks, columns heads.

    Each map is `thumb` points wide, and coloured up to its own largest value.
    """
    blocks, heads, n = maps.shape[:3]
    gap = 6
    step = thumb + gap
    sheet = Image.new("RGB", (2 * heads * step, 2 * blocks * step), "white")
    table = colour_table(SEQUENTIAL)
    filters = Image.Resampling.BOX if n > 2 * thumb else Image.Resampling.NEAREST
    for block, head in np.ndindex(blocks, heads):
        levels = attention_levels(maps[block, head].astype(np.float64))
        scaled = np.round(levels / max(int(levels.max()), 1) * 255).astype(np.uint8)
        picture = Image.fromarray(table[scaled], "RGB").resize((2 * thumb, 2 * thumb), filters)
        sheet.paste(picture, (2 * head * step + gap, 2 * block * step + gap))
    url = png_url(np.asarray(sheet))
    size = {"width": heads * step, "height": blocks * step}
    image = (
        alt.Chart(pd.DataFrame({"x": [0.5], "url": [url]}))
        .mark_image(**size)
        .encode(
            x=alt.X("x:Q", scale=alt.Scale(domain=[0, 1]), axis=None),
            y=alt.Y("x:Q", scale=alt.Scale(domain=[0, 1]), axis=None),
            url="url:N",
        )
    )
    names = [(f"head {h}", (h + 0.5) / heads) for h in range(heads)]
    columns = pd.DataFrame(names, columns=["name", "at"])
    names = [(f"block {b + 1}", 1 - (b + 0.5) / blocks) for b in range(blocks)]
    rows = pd.DataFrame(names, columns=["name", "at"])
    text = {"fontSize": 11, "color": MUTED}
    layers = [
        image,
        alt.Chart(columns)
        .mark_text(dy=-4, baseline="bottom", **text)
        .encode(x="at:Q", y=alt.value(0), text="name:N"),
        alt.Chart(rows)
        .mark_text(dx=-4, align="right", **text)
        .encode(x=alt.value(0), y="at:Q", text="name:N"),
    ]
    chart = alt.layer(*layers).properties(**size, padding=54)
    return configure(chart.properties(title=title) if title else chart)
