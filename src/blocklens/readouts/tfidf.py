"""TF-IDF with logistic regression: what an encoder's classes must be measured against.

Nothing of an encoder is in it: words are counted and weighted, and a linear classifier is trained
on the same training texts of every seed. Its accuracy says how much of the task words alone solve,
so that nobody mistakes a rise along the blocks for good absolute quality. scikit-learn does it all
but the words: its own pattern drops those of one letter and splits words at combining marks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import regex
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from blocklens.labels.tables import LabelOptions
from blocklens.labels.tasks import TEXT
from blocklens.progress import SILENT, Progress
from blocklens.readouts.class_task import Classes, baseline_rows
from blocklens.readouts.text_task import ClassTexts

RUN = "TF-IDF"

LONGEST_WORD = 40
"""Letters; a longer piece is a sequence without spaces: a protein, say."""

_WORD = regex.compile(r"\w+")  # in `regex` a word keeps its combining marks
_WITHOUT_SPACES = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)


def words_of(text: str) -> Iterator[str]:
    """The words of a text in lower case, of any length.

    Where a script or a sequence is written without spaces, one to three neighbouring characters
    stand for words. [ours]
    """
    for word in _WORD.findall(text.lower()):
        if len(word) <= LONGEST_WORD and not _WITHOUT_SPACES.search(word):
            yield word
            continue
        for size in (1, 2, 3):
            yield from (word[at : at + size] for at in range(len(word) - size + 1))


def measure_tfidf(
    data: ClassTexts,
    *,
    options: LabelOptions | None = None,
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Accuracy of TF-IDF with logistic regression on every seed's texts.

    Words as `words_of` gives them, logarithmic counts, C = 10 (ours). Rows of `learning` with the
    run "TF-IDF": accuracy and mean accuracy per class, with their intervals over seeds and texts.
    """
    texts = np.array(data.texts, dtype=object)
    chances = np.zeros((1, *data.test.shape, len(data.names)), np.float32)
    with progress.stage("", len(data.train), "seeds") as stage:
        for seed, (train, test) in enumerate(zip(data.train, data.test, strict=True)):
            classify = make_pipeline(
                TfidfVectorizer(analyzer=words_of, sublinear_tf=True),  # type: ignore[arg-type]
                LogisticRegression(C=10, max_iter=1000),
            )
            classify.fit(texts[train], data.labels[train])
            answers = classify.predict(texts[test])
            chances[0, seed, np.arange(answers.size), answers] = 1
            stage.advance()
    return baseline_rows(Classes.of(TEXT, data, chances, run=RUN, options=options))
