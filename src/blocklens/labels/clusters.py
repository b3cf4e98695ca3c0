"""Strong match clusters: how labels group in a confusion matrix.

Symbols (docs/definitions.md: strong match clusters): labels i and j match strongly in the direction
i -> j when N(i, j) > theta. A cluster is either a greedy clique (every two members match strongly
in both directions), or a connected component of the mutual graph (both directions) or of the
directed one (either direction). Noise = strong elements outside all clusters, the diagonal counted,
so that for cliques it equals the number of strong elements minus the sum of size^2, singletons
included.

The greedy cliques depend on the order in which labels are scanned, so the order is an argument; the
default elsewhere is falling frequency, ties by label id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from blocklens.labels.confusion import Sparse
from blocklens.labels.kept_matrix import KeptMatrix

Method = Literal["cliques", "mutual", "directed"]
METHODS: tuple[Method, ...] = ("cliques", "mutual", "directed")


@dataclass(frozen=True, slots=True)
class Clusters:
    """A partition of k labels: `cluster` [k] numbers from 0, in order of the first member scanned.

    `strong`: number of strong elements, diagonal included. `noise`: those between two clusters.
    """

    cluster: NDArray[np.int64]
    strong: int
    noise: int

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Size of every cluster, singletons included, by cluster number."""
        return np.bincount(self.cluster)

    @property
    def grouped_sizes(self) -> NDArray[np.int64]:
        """Sizes of the clusters of two or more labels."""
        sizes = self.sizes
        return sizes[sizes >= 2]

    @property
    def number(self) -> int:
        """Number of clusters of two or more labels."""
        return int(self.grouped_sizes.size)

    @property
    def mean_size(self) -> float:
        """Mean size of the clusters of two or more labels; NaN without any."""
        sizes = self.grouped_sizes
        return float(sizes.mean()) if sizes.size else float("nan")

    @property
    def largest(self) -> int:
        """Size of the largest cluster; 0 without labels."""
        return int(self.sizes.max(initial=0))

    @property
    def grouped_labels(self) -> int:
        """Number of labels in clusters of two or more."""
        return int(self.grouped_sizes.sum())

    @property
    def noise_share(self) -> float:
        """Noise / strong elements off the diagonal; NaN without any."""
        off_diagonal = self.strong - self.cluster.size
        return self.noise / off_diagonal if off_diagonal else float("nan")

    def members(self, smallest: int = 2) -> list[NDArray[np.int64]]:
        """Members (indices 0..k-1) of the clusters of at least `smallest` labels."""
        order = np.argsort(self.cluster, kind="stable")
        split = np.split(order, np.cumsum(self.sizes)[:-1]) if order.size else []
        return [group for group in split if group.size >= smallest]


def find_clusters(
    strong: Sparse, order: Sequence[int] | NDArray[np.integer], method: Method = "cliques"
) -> Clusters:
    """Cluster k labels by their strong elements.

    `strong`: bool csr [k, k], the diagonal set. `order`: the k labels in the order they are
    scanned.
    """
    order = np.asarray(order, dtype=np.int64)
    if not order.size:
        return Clusters(np.empty(0, dtype=np.int64), 0, 0)
    if method == "cliques":
        cluster = _greedy_cliques(_mutual(strong), order)
    else:
        graph = _mutual(strong) if method == "mutual" else strong
        _, component = csgraph.connected_components(graph, directed=True, connection="weak")
        cluster = _numbered_by(component, order)
    elements = sparse.coo_array(strong)
    noise = int((cluster[elements.row] != cluster[elements.col]).sum())
    return Clusters(cluster, int(strong.nnz), noise)


def frequency_order(occurrences: NDArray[np.integer]) -> NDArray[np.int64]:
    """Labels by falling `occurrences` [k], ties by rising label."""
    return np.argsort(-occurrences.astype(np.int64), kind="stable")


def cluster_kept(kept: KeptMatrix, theta: float = 0.3, method: Method = "cliques") -> Clusters:
    """Clusters of a kept matrix in the default order, falling occurrences."""
    return find_clusters(kept.strong(theta), frequency_order(kept.occurrences), method)


def growth(
    kept: KeptMatrix, theta: float = 0.3, method: Method = "cliques", steps: int = 4
) -> list[tuple[int, int]]:
    """Largest cluster among the k / 2^(steps-1), ..., k / 2, k most frequent kept labels.

    Returns (labels, largest) pairs. Clusters that are finite stop growing; a largest cluster that
    keeps growing with the number of labels says that theta is too low.
    """
    order = frequency_order(kept.occurrences)
    strong = kept.strong(theta)
    pairs = []
    for step in reversed(range(steps)):
        chosen = order[: order.size >> step]
        if chosen.size:
            part = sparse.csr_array(strong[chosen][:, chosen])
            pairs.append((chosen.size, find_clusters(part, range(chosen.size), method).largest))
    return pairs


def _mutual(strong: Sparse) -> Sparse:
    return sparse.csr_array(strong.multiply(strong.T))


def _greedy_cliques(mutual: Sparse, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cluster number of each label; `mutual` holds the pairs strong in both directions.

    Ranks replace labels, so a sorted row lists its neighbours in scanning order. The candidates of
    a growing clique are the neighbours common to all members so far; the next member is the first.
    """
    ranked = sparse.csr_array(mutual[order][:, order])
    ranked.sort_indices()
    pointers, neighbours = ranked.indptr, ranked.indices
    cluster = np.full(order.size, -1, dtype=np.int64)
    number = 0
    for seed in range(order.size):
        if cluster[seed] >= 0:
            continue
        cluster[seed] = number
        row = neighbours[pointers[seed] : pointers[seed + 1]]
        candidates = row[(row > seed) & (cluster[row] < 0)]
        while candidates.size:
            member = candidates[0]
            cluster[member] = number
            row = neighbours[pointers[member] : pointers[member + 1]]
            candidates = np.intersect1d(candidates[1:], row, assume_unique=True)
        number += 1
    labelled = np.empty_like(cluster)
    labelled[order] = cluster
    return labelled


def _numbered_by(component: NDArray[np.integer], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Renumber components by the first of their labels in `order`."""
    _, first = np.unique(component[order], return_index=True)
    number = np.empty(first.size, dtype=np.int64)
    number[np.argsort(first)] = np.arange(first.size)
    return number[component]
