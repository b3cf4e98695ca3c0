"""The claims on image classes are those on tokens, read from the tables of images."""

import pandas as pd
import pytest
from test_p2 import tables as token_tables

from blocklens.claims import evaluate

IDS = ["p2-image-accuracy", "p2-image-clusters", "p2-image-clusters-sharper"]
NAMES = {
    "mean APT slope": "accuracy slope",
    "tokens in clusters": "classes in clusters",
}


def image_tables(**given) -> dict[str, pd.DataFrame]:
    """The made-up tables of tokens under the names of those of images."""
    tables = token_tables(**given)
    learning = tables["learning"]
    return {
        "image_learning": learning.assign(statistic=learning["statistic"].replace(NAMES)),
        "image_cluster_sweep": tables["cluster_sweep"],
    }


def test_each_claim_has_the_verdict_of_its_twin_on_tokens():
    twins = ["p2-apt-rises", "p2-clusters", "p2-clusters-sharper"]
    for given in ({}, {"spread": 100.0}, {"twins": 0}, {"null_clustered": 200}):
        images = evaluate(image_tables(**given)).set_index("id")
        tokens = evaluate(token_tables(**given)).set_index("id")
        assert list(images.index) == IDS
        columns = ["effect", "low", "high", "control_low", "control_high"]
        assert images["verdict"].tolist() == tokens.loc[twins, "verdict"].tolist()
        assert images[columns].to_numpy() == pytest.approx(
            tokens.loc[twins, columns].to_numpy(), nan_ok=True
        )


def test_without_tables_of_images_there_is_no_claim_on_them():
    assert not set(IDS) & set(evaluate(token_tables())["id"])
