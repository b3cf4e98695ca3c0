"""Head measures of images: against a slow reference, and on heads whose answers are known."""

import numpy as np
import pytest
import torch

from blocklens.encoder.attention import Heads, Workspace
from blocklens.heads.head_options import HeadOptions
from blocklens.heads.patches import PatchMeasures, grid_distances

GRID, SPECIAL, HEADS, BLOCKS = (3, 4), 1, 2, 2


def random_heads(rng, block):
    n = SPECIAL + GRID[0] * GRID[1]
    attention = torch.softmax(torch.from_numpy(rng.normal(size=(HEADS, n, n))) * 2, dim=-1)
    return Heads(block, 0, attention, torch.from_numpy(rng.normal(size=(HEADS, n, 5))))


def measured(images, options=None):
    found = PatchMeasures(
        blocks=BLOCKS, heads=HEADS, grid=GRID, special=SPECIAL, options=options, groups=8
    )
    for key, blocks in images.items():
        for heads in blocks:
            found.update_image(heads, key, Workspace())
    return found


def value(table, statistic, block, head, column="value", cut=None):
    rows = table[table["statistic"].eq(statistic) & table["block"].eq(block)]
    rows = rows[rows["head"].eq(head)]
    if cut is not None:
        rows = rows[np.isclose(rows["cut"], cut)]
    assert len(rows) == 1
    return rows[column].iloc[0]


def test_distances_in_the_grid_are_the_larger_of_the_steps_down_and_across():
    found = grid_distances((2, 3))
    #  0 1 2
    #  3 4 5
    pairs = [(i, j) for i in range(6) for j in range(i + 1, 6)]
    expected = [max(abs(i // 3 - j // 3), abs(i % 3 - j % 3)) for i, j in pairs]
    assert found.tolist() == expected
    assert found[pairs.index((0, 4))] == 1  # touching at a corner
    assert found[pairs.index((0, 5))] == 2


def test_all_figures_equal_a_slow_reference():
    rng = np.random.default_rng(0)
    images = {key: [random_heads(rng, 1), random_heads(rng, 2)] for key in (3, 12, 7)}
    options = HeadOptions(cut=0.1, sweep=(0.1, 0.3))
    table = measured(images, options).table()
    patches = range(SPECIAL, SPECIAL + 12)
    pairs = [(i, j) for i in range(12) for j in range(i + 1, 12)]
    steps = [max(abs(i // 4 - j // 4), abs(i % 4 - j % 4)) for i, j in pairs]
    for block in (1, 2):
        for head in range(HEADS):
            to_cls, near, far = [], [], []
            for blocks in images.values():
                heads = blocks[block - 1]
                to_cls += [float(heads.attention[head, q, 0]) for q in patches]
                v = heads.outputs[head, SPECIAL:].numpy()
                ranked = sorted(range(len(pairs)), key=lambda p: -(v[pairs[p][0]] @ v[pairs[p][1]]))
                high = ranked[: max(int(np.ceil(0.1 * len(pairs))), 6)]
                near += [steps[p] == 1 for p in high]
                far += [steps[p] for p in high]
            effect = value(table, "attention to special tokens", block, head, "effect")
            assert effect == pytest.approx(np.mean(to_cls) / (1 / 13))
            for name, observed, null in (
                ("touching patches", near, np.mean(np.array(steps) == 1)),
                ("mean grid distance", far, np.mean(steps)),
            ):
                assert value(table, name, block, head, cut=0.1) == pytest.approx(np.mean(observed))
                found = value(table, name, block, head, "null", cut=0.1)
                assert found == pytest.approx(null)


def test_heads_whose_answers_are_known():
    n = SPECIAL + 12
    to_cls = torch.zeros(1, n, n, dtype=torch.float64)
    to_cls[:, :, 0] = 1.0
    even = torch.full((1, n, n), 1 / n, dtype=torch.float64)
    columns = torch.eye(4, dtype=torch.float64).repeat(3, 1)  # alike: patches of one column
    outputs = torch.cat([torch.zeros(1, 4, dtype=torch.float64), columns])
    heads = Heads(1, 0, torch.cat([to_cls, even]), torch.stack([outputs, outputs]))
    found = PatchMeasures(
        blocks=1, heads=2, grid=GRID, special=1, options=HeadOptions(cut=0.1, sweep=(0.1,))
    )
    found.update_image(heads, 1, Workspace())
    table = found.table()
    assert value(table, "attention to special tokens", 1, 0, "effect") == pytest.approx(n)
    assert value(table, "attention to special tokens", 1, 1, "effect") == pytest.approx(1)
    # 4 columns of 3 patches: of a column's three pairs two touch and one is two apart
    assert value(table, "touching patches", 1, 0) == pytest.approx(2 / 3)
    assert value(table, "mean grid distance", 1, 0) == pytest.approx(4 / 3)


def test_the_halves_add_up_to_the_whole():
    rng = np.random.default_rng(1)
    images = {key: [random_heads(rng, 1), random_heads(rng, 2)] for key in (1, 2, 3, 4)}
    whole = measured(images)
    half = measured({key: images[key] for key in (1, 2)})
    half.merge(measured({key: images[key] for key in (3, 4)}))
    assert half.windows == whole.windows == 4
    assert half.table().equals(whole.table()) or np.allclose(
        half.table()["value"], whole.table()["value"], rtol=1e-12
    )


def test_without_special_tokens_there_is_no_attention_to_them():
    rng = np.random.default_rng(2)
    n = 12
    attention = torch.softmax(torch.from_numpy(rng.normal(size=(1, n, n))), dim=-1)
    heads = Heads(1, 0, attention, torch.from_numpy(rng.normal(size=(1, n, 5))))
    found = PatchMeasures(blocks=1, heads=1, grid=GRID, special=0)
    found.update_image(heads, 1, Workspace())
    assert set(found.table()["measure"]) == {"patches"}
