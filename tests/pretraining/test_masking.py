import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blocklens.pretraining.masking import Recipe, modify, shuffled

RECIPE = Recipe(vocabulary=1000, mask_id=4)


def test_a_token_is_modified_alike_in_every_batch_it_is_part_of():
    ids = np.arange(5000) % 900 + 50
    places = np.arange(5000)
    whole, chosen = modify(ids, places, RECIPE, seed=3, epoch=7)
    for part in np.array_split(np.random.default_rng(0).permutation(5000), 13):
        ids_of_part, chosen_of_part = modify(ids[part], places[part], RECIPE, seed=3, epoch=7)
        np.testing.assert_array_equal(ids_of_part, whole[part])
        np.testing.assert_array_equal(chosen_of_part, chosen[part])


def test_the_shares_are_15_percent_and_80_10_10_within_five_standard_errors():
    count = 400_000
    ids = np.full(count, 77)
    changed, chosen = modify(ids, np.arange(count), RECIPE, seed=0, epoch=0)
    number = chosen.sum()
    assert abs(number / count - 0.15) < 5 * np.sqrt(0.15 * 0.85 / count)
    masked = (changed[chosen] == 4).mean()
    same = (changed[chosen] == 77).mean()
    assert abs(masked - 0.8) < 5 * np.sqrt(0.8 * 0.2 / number) + 1e-3  # [MASK] may be drawn too
    assert abs(same - 0.1) < 5 * np.sqrt(0.1 * 0.9 / number) + 1e-3
    assert (changed[~chosen] == 77).all()


def test_random_ids_are_uniform_over_the_whole_vocabulary():
    recipe = Recipe(vocabulary=20, mask_id=4, share=0.999, masked=0.0, random=1.0)
    changed, chosen = modify(np.zeros(200_000, int), np.arange(200_000), recipe, seed=1, epoch=1)
    counts = np.bincount(changed[chosen], minlength=20)
    expected = chosen.sum() / 20
    assert counts.size == 20
    assert np.abs(counts - expected).max() < 6 * np.sqrt(expected)


@given(st.integers(0, 2**40), st.integers(0, 10_000))
def test_special_tokens_and_padding_are_never_chosen(seed, epoch):
    places = np.array([-1, 0, 1, 2, -1, -1])
    recipe = Recipe(vocabulary=1000, mask_id=4, share=0.9)
    changed, chosen = modify(np.full(6, 9), places, recipe, seed=seed, epoch=epoch)
    assert not chosen[places < 0].any()
    assert (changed[places < 0] == 9).all()


def test_epochs_and_seeds_draw_independently():
    ids, places = np.full(50_000, 9), np.arange(50_000)
    first = modify(ids, places, RECIPE, seed=0, epoch=0)[1]
    for seed, epoch in ((0, 1), (1, 0), (0, 2)):
        other = modify(ids, places, RECIPE, seed=seed, epoch=epoch)[1]
        assert abs((first & other).mean() - 0.15**2) < 0.003


def test_an_epoch_visits_every_row_once_and_another_epoch_in_another_order():
    first = shuffled(100, seed=0, epoch=0)
    np.testing.assert_array_equal(np.sort(first), np.arange(100))
    np.testing.assert_array_equal(first, shuffled(100, seed=0, epoch=0))
    assert (first != shuffled(100, seed=0, epoch=1)).any()
