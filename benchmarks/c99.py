"""Is our C99 the published one? Its mean Pk beside that of the author's own logs.

    python benchmarks/c99.py

Pk is counted in words here, as in the logs: "propose none" of set 1 comes out as the logs have it
with half the mean segment length in words as the window. Needs the folder of Choi's documents.
"""

from __future__ import annotations

import pandas as pd

from benchmarks.data import DATA
from blocklens.segmentation.c99 import c99
from blocklens.segmentation.documents import read_documents
from blocklens.segmentation.metrics import masses_from_starts, pk

FOLDER = DATA / "choi"
NONE, KNOWN, UNKNOWN = 1, 25, 26  # the logs' codes


def main() -> None:
    """Print mean Pk per set and range: ours, the logs', documents."""
    logs = pd.read_csv(FOLDER / "published_errors.csv.xz")
    logs = logs[logs.log_dir == logs.set_named_in_log]
    logs = logs.set_index(["log_dir", "range", "doc", "algorithm_code"]).error_rate
    rows = []
    for document in read_documents(FOLDER / "choi.jsonl.xz"):
        key = tuple(document.fields[name] for name in ("set", "range", "doc"))
        units, true = len(document.sentences), document.in_words(document.masses)
        for code, segments in ((NONE, 0), (KNOWN, len(document.masses)), (UNKNOWN, None)):
            if (*key, code) not in logs.index:
                continue
            starts = [] if code == NONE else c99(document.sentences, segments)
            ours = pk(true, document.in_words(masses_from_starts(starts, units)))
            name = {NONE: "none", KNOWN: "C99, known", UNKNOWN: "C99, unknown"}[code]
            rows.append((*key[:2], name, ours, float(logs[(*key, code)])))
    table = pd.DataFrame(rows, columns=["set", "range", "algorithm", "ours", "published"])
    grouped = table.groupby(["set", "range", "algorithm"])
    print(grouped.mean().assign(documents=grouped.size()).round(4).to_string())


if __name__ == "__main__":
    main()
