import io

import numpy as np
from PIL import Image

from blocklens.readouts.confused_images import confused_rows
from image_builders import shades


def test_images_are_kept_of_the_pairs_that_most_seeds_confuse():
    data = shades(classes=4)
    labels = data.test.labels
    predicted = np.tile(labels, (4, 1))
    images = np.flatnonzero(labels == 0)[:2], np.flatnonzero(labels == 3)[:1]
    predicted[:, images[0]] = 1  # all seeds take two dark images for middle ones
    predicted[:2, images[1]] = 2  # half of the seeds take an odd one for a light one
    rows = confused_rows(data, predicted)
    assert rows[["true", "predicted", "pair", "images", "seeds"]].to_numpy().tolist() == [
        ["dark", "middle", 0, 2, 1.0],
        ["dark", "middle", 0, 2, 1.0],
        ["<b>odd</b>", "light", 1, 1, 0.5],
    ]
    with Image.open(io.BytesIO(rows["png"].iloc[0])) as image:
        found = np.asarray(image)
    number = [p.name for p in data.test.pictures].index(rows["name"].iloc[0])
    assert (found == np.asarray(data.test.read([number])[0])).all()
    assert confused_rows(data, np.tile(labels, (4, 1))).empty
