import numpy as np
import pandas as pd
import pytest
from scipy import stats

from blocklens.claims.label_findings import estimate
from blocklens.errors import UserError
from blocklens.labels.accuracy import LabelCounts, accuracy
from blocklens.labels.confusion import ConfusionCounts
from blocklens.labels.left_out import leave_out_factors
from blocklens.labels.tables import MEAN, label_tables
from blocklens.labels.tasks import TEXT, TOKENS
from blocklens.statistics.estimate import SEEDS
from blocklens.statistics.intervals import jackknife

NAMES = [f"class {i}" for i in range(6)]


def made_up(seed=0, n=1200, seeds=3, tests=600, skill=(0.2, 0.6, 0.9), spread=0.0):
    """Block b is right with probability skill[b]; else it takes the class's partner (i ^ 1)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 6
    test = np.stack([rng.permutation(n)[:tests] for _ in range(seeds)])
    true = labels[test]
    by_seed = np.array(skill)[:, None] + spread * rng.normal(size=(1, seeds))
    right = rng.random((len(skill), seeds, tests)) < by_seed[..., None]
    predicted = np.where(right, true, true ^ 1)
    keys = rng.integers(0, 1 << 62, n)
    return labels, predicted, test, keys


def tables_of(labels, predicted, test, keys, names=NAMES, **options):
    counts = ConfusionCounts.of_seeds(labels, predicted, test, keys, len(names), groups=20)
    return label_tables(counts, names, TEXT, seeds=len(test), **options)


def test_accuracies_are_the_shares_of_right_predictions():
    labels, predicted, test, keys = made_up()
    tables = tables_of(labels, predicted, test, keys)
    right = predicted == labels[test]
    learning = tables["learning"].set_index(["statistic", "block"])
    for block in range(3):
        row = learning.loc[("accuracy", block)]
        assert row["value"] == pytest.approx(right[block].mean())
        assert row["spread"] == pytest.approx(right[block].mean(axis=1).std(ddof=1))
        assert row["low"] < row["value"] < row["high"]
        of_class = [right[block][labels[test] == c].mean() for c in range(6)]
        assert learning.loc[(MEAN, block), "value"] == pytest.approx(np.mean(of_class))
        classes = tables["accuracy"][tables["accuracy"]["block"].eq(block)]
        np.testing.assert_allclose(classes["value"], of_class)
    seeds = tables["seeds"].pivot(index="block", columns="seed", values="accuracy")
    np.testing.assert_allclose(seeds.to_numpy(), right.mean(axis=2))
    whole = tables["learning"][tables["learning"]["block"].isna()].set_index("statistic")["value"]
    means = right.mean(axis=(1, 2))
    assert whole["accuracy rise"] == pytest.approx(means[2] - means[0])
    assert whole["accuracy slope"] == pytest.approx(np.polyfit([0, 1, 2], means, 1)[0])
    for change in ("rise", "slope"):
        assert whole[f"accuracy {change} from block 1"] == pytest.approx(means[2] - means[1])
    advice = tables["advice"].set_index("block")
    np.testing.assert_allclose(advice["loss"], means[2] - means)


def test_confusions_pair_the_classes_and_clusters_find_the_pairs():
    labels, predicted, test, keys = made_up(skill=(0.65, 0.65))
    tables = tables_of(labels, predicted, test, keys)
    confusion = tables["confusion"]
    dense = np.zeros((6, 6), dtype=np.int64)
    np.add.at(dense, (labels[test].ravel(), predicted[1].ravel()), 1)
    last = confusion[confusion["block"].eq(1)]
    found = np.zeros_like(dense)
    found[last["true"], last["predicted"]] = last["count"]
    np.testing.assert_array_equal(found, dense)
    clusters = tables["clusters"]
    clusters = clusters[clusters["block"].eq(1) & clusters["method"].eq("cliques")]
    assert sorted(map(sorted, clusters["label_ids"])) == [[0, 1], [2, 3], [4, 5]]
    assert sorted(clusters["labels"].iloc[0])[0].startswith("class")
    learning = tables["learning"].set_index(["statistic", "block"])["value"]
    assert learning["labels in clusters", 1] == 6
    assert learning["noise share", 1] == 0


def test_the_interval_covers_the_true_accuracy_over_seeds_and_texts():
    inside = 0
    seeds, groups, draws = 4, 20, 200
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        ease = rng.normal(size=400)  # a text that is hard is so for all seeds
        test = np.stack([rng.permutation(400)[:200] for _ in range(seeds)])
        chance = 1 / (1 + np.exp(-(ease[test] + 0.3 * rng.normal(size=(seeds, 1)))))
        counts = ConfusionCounts(2, 1, seeds * groups)
        for seed in range(seeds):
            right = rng.random(200) < chance[seed]
            true = test[seed] % 2
            counts.update(
                true, np.where(right, true, 1 - true)[None], seed * groups + test[seed] % groups
            )
        factors = leave_out_factors(np.ones(counts.groups, int), seeds)
        low, high = accuracy(LabelCounts.of(counts), factors).interval()
        inside += low[0] <= 0.5 <= high[0]
    assert inside / draws >= 0.92


def test_intervals_of_accuracies_stay_between_0_and_1():
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], 30)
    predicted = np.stack([labels, 1 - labels])[:, None].repeat(2, axis=1)  # all right, all wrong
    predicted[:, 0, :2] = [[1, 0], [0, 1]]  # but for two texts of one seed
    tables = tables_of(
        labels, predicted, np.tile(np.arange(60), (2, 1)), rng.integers(2**62, size=60), ["a", "b"]
    )
    for table in (tables["learning"], tables["accuracy"]):
        shares = table[table["block"].notna()]
        if "statistic" in shares:
            shares = shares[shares["statistic"].str.contains("accuracy")]
        assert shares["low"].ge(0).all()
        assert shares["high"].le(1).all()
        assert shares["high"].gt(shares["low"]).any()


def test_one_seed_has_an_interval_over_texts_alone():
    labels, predicted, test, keys = made_up(seeds=1)
    tables = tables_of(labels, predicted, test, keys)
    row = tables["learning"].query("statistic == 'accuracy'").iloc[2]
    error = 1.96 * np.sqrt(0.9 * 0.1 / 600)
    assert 0.4 * error < (row["high"] - row["low"]) / 2 < 2 * error
    assert np.isnan(row["spread"])
    assert np.isnan(row["seeds_error"])


def test_blocks_keep_their_numbers_and_uneven_ones_have_slopes_of_accuracy_alone():
    labels, predicted, test, keys = made_up()
    even = tables_of(labels, predicted, test, keys, blocks=[1, 2, 3])["learning"]
    assert even["block"].dropna().unique().tolist() == [1, 2, 3]
    assert "errors in own cluster over matched slope" in set(even["statistic"])
    uneven = tables_of(labels, predicted, test, keys, blocks=[1, 2, 6])["learning"]
    slopes = uneven[uneven["statistic"].str.contains("slope")].set_index("statistic")["value"]
    assert set(slopes.index) == {"accuracy slope from block 1", f"{MEAN} slope from block 1"}
    accuracies = uneven[uneven["statistic"].eq("accuracy")]["value"].to_numpy()
    assert slopes["accuracy slope from block 1"] == pytest.approx(
        np.polyfit([1, 2, 6], accuracies, 1)[0]
    )
    assert isinstance(uneven["block"].dtype, pd.Int64Dtype)


def test_shapes_that_do_not_belong_together_are_refused():
    labels, predicted, test, keys = made_up()
    with pytest.raises(UserError, match="one prediction a test input"):
        tables_of(labels, predicted, test[:2], keys)


def test_tokens_have_frequencies_and_kinds_in_the_same_tables():
    rng = np.random.default_rng(0)
    true, kind = rng.integers(0, 6, 900), rng.integers(0, 2, 900)
    counts = ConfusionCounts(6, 2, 20, kinds=("masked", "unchanged"))
    predicted = np.stack([np.where(kind == 1, true, 0), true])  # block 0 copies, block 1 knows
    counts.update(true, predicted, np.arange(900) % 20, kind)
    frequency = np.array([5, 1, 40, 3, 100, 7])
    tables = label_tables(counts, NAMES, TOKENS, read_out="lens", frequency=frequency)
    for table in tables.values():
        assert list(table.columns[:3]) == ["task", "run", "read_out"]
        assert table["task"].eq("tokens").all()
    of = tables["learning"].set_index(["statistic", "block"])["value"]
    assert of["accuracy on unchanged", 0] == of["accuracy on masked", 1] == 1
    assert of["accuracy on masked", 0] == pytest.approx((true[kind == 0] == 0).mean())
    assert {f"{MEAN}, top 50", f"{MEAN}, n >= 10", "frequency rho"} <= {
        name for name, _ in of.index
    }
    # Block 0 is right on the one token that it says at every mask, and the copies do not count.
    assert of[f"{MEAN} on masked", 0] == pytest.approx(1 / 6)
    assert of[f"{MEAN} on masked", 1] == 1
    whole = tables["learning"].query("block.isna()").set_index("statistic")["value"]
    assert whole[f"{MEAN} on masked slope"] == pytest.approx(5 / 6)
    assert f"{MEAN} on unchanged slope" not in whole
    rows = tables["accuracy"].query("block == 0")
    assert rows["frequency"].tolist() == frequency.tolist()
    assert (rows["masked_n"] + rows["unchanged_n"]).tolist() == rows["n"].tolist()
    assert rows["unchanged_correct"].tolist() == rows["unchanged_n"].tolist()
    bins = tables["frequency"].query("block == 1")
    assert bins["value"].eq(1).all()
    assert bins["n_types"].sum() == 6


def test_the_seeds_part_of_an_error_is_that_of_their_mean():
    labels, predicted, test, keys = made_up(seeds=4, spread=0.1, skill=(0.3, 0.6, 0.7))
    tables = tables_of(labels, predicted, test, keys)
    rows = tables["learning"].query("statistic == 'accuracy'")
    for block, row in enumerate(rows.itertuples()):
        of_seeds = (predicted[block] == labels[test]).mean(axis=1)  # each seed has as many texts
        assert row.seeds_error == pytest.approx(of_seeds.std(ddof=1) / 2)
        assert row.seeds == 4
        both = estimate(rows.iloc[[block]], unit="labelled texts")
        assert [source.unit for source in both.sources] == ["labelled texts", SEEDS]
        assert both.half(0.95) == pytest.approx((row.high - row.low) / 2)
        # At another level each source grows with its own t: three degrees of freedom of seeds.
        alone = (source.error * stats.t.ppf(0.995, source.degrees) for source in both.sources)
        assert both.half(0.99) == pytest.approx(np.hypot(*alone))


def test_crossed_factors_add_their_variances():
    value = np.array(0.0)
    a, b = np.random.default_rng(0).normal(size=(2, 5))
    both = jackknife(value, a, b)[1]
    assert both == pytest.approx(np.hypot(jackknife(value, a)[1], jackknife(value, b)[1]))
