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
from jaxtyping import Int64, Integer
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

    cluster: Int64[np.ndarray, " labels"]
    strong: int
    noise: int

    @property
    def sizes(self) -> Int64[np.ndarray, " clusters"]:
        """Size of every cluster, singletons included, by cluster number."""
        return np.bincount(self.cluster)

    @property
    def grouped_sizes(self) -> Int64[np.ndarray, " clusters"]:
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

    def members(self, smallest: int = 2) -> list[Int64[np.ndarray, " members"]]:
        """Members (indices 0..k-1) of the clusters of at least `smallest` labels."""
        order = np.argsort(self.cluster, kind="stable")
        split = np.split(order, np.cumsum(self.sizes)[:-1]) if order.size else []
        return [group for group in split if group.size >= smallest]


def find_clusters(
    strong: Sparse, order: Sequence[int] | Integer[np.ndarray, " kept"], method: Method = "cliques"
) -> Clusters:
    """Cluster k labels by their strong elements.

    `strong`: bool csr [k, k], the diagonal set. `order`: the k labels in the order they are
    scanned.
    """
    order = np.asarray(order, dtype=np.int64)
    if not order.size:
        return Clusters(np.empty(0, dtype=np.int64), 0, 0)
    pairs = _ranked_pairs(strong, order)
    lead = _leads(pairs, order.size, method)
    noise = int((lead[pairs[0]] != lead[pairs[1]]).sum())
    cluster = np.empty_like(lead)
    cluster[order] = np.unique(lead, return_inverse=True)[1]
    return Clusters(cluster, int(strong.nnz), noise)


def frequency_order(occurrences: Integer[np.ndarray, " kept"]) -> Int64[np.ndarray, " kept"]:
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
    of_all = _ranked_pairs(kept.strong(theta), order)
    pairs = []
    for step in reversed(range(steps)):
        most = order.size >> step
        if most:
            lead = _leads(of_all[:, of_all.max(axis=0) < most], most, method)
            pairs.append((most, int(np.bincount(lead).max())))
    return pairs


def _ranked_pairs(strong: Sparse, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The strong elements off the diagonal, [2, pairs], by the ranks of their labels in `order`."""
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    rows = np.repeat(np.arange(order.size), np.diff(strong.indptr))
    off = rows != strong.indices
    return rank[np.stack([rows[off], strong.indices[off]])]


def _leads(pairs: NDArray[np.int64], labels: int, method: Method) -> NDArray[np.int64]:
    """The first rank of the cluster of every rank, [labels]."""
    if method != "directed":
        first, second = pairs
        pairs = pairs[:, np.isin(first * labels + second, second * labels + first)]
    if not pairs.size:
        return np.arange(labels)
    return _greedy_cliques(pairs, labels) if method == "cliques" else _components(pairs, labels)


def _greedy_cliques(pairs: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """`_leads` of cliques; `pairs` holds those that are strong in both directions, both ways round.

    The candidates of a growing clique are the neighbours common to all members so far; the next
    member is the first of them. Labels without a neighbour are their own cluster.
    """
    lead = np.arange(labels)
    neighbours: dict[int, set[int]] = {}
    for first, second in zip(*pairs.tolist(), strict=True):
        neighbours.setdefault(first, set()).add(second)
    grouped: set[int] = set()
    for seed in sorted(neighbours):
        if seed in grouped:
            continue
        grouped.add(seed)
        candidates = {rank for rank in neighbours[seed] if rank > seed} - grouped
        while candidates:
            member = min(candidates)
            grouped.add(member)
            lead[member] = seed
            candidates &= neighbours[member]
    return lead


def _components(pairs: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """`_leads` of connected components."""
    graph = sparse.coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(labels, labels))
    _, component = csgraph.connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)
    return first[component]
