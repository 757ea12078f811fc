"""Optimal assignment of calls to expected calls (Kuhn-Munkres with potentials, O(n^2 m))."""

import math

__all__ = ["assign"]


def assign(cost: list[list[float]]) -> list[int | None]:
    """The column given to each row so that the summed cost is least; each column is used once.

    cost: n rows of m finite costs. With more rows than columns, the rows left over get None.
    Source: the shortest-augmenting-path form of the Hungarian method (Jonker & Volgenant 1987).
    """
    n, m = len(cost), len(cost[0]) if cost else 0
    if n > m:
        by_column: list[int | None] = [None] * n
        transposed = [[cost[i][j] for i in range(n)] for j in range(m)]
        for column, row in enumerate(assign(transposed)):
            if row is not None:
                by_column[row] = column
        return by_column
    u, v = [0.0] * (n + 1), [0.0] * (m + 1)
    row_of, way = [0] * (m + 1), [0] * (m + 1)
    for i in range(1, n + 1):
        row_of[0], j0 = i, 0
        least, used = [math.inf] * (m + 1), [False] * (m + 1)
        while row_of[j0]:
            used[j0] = True
            i0, delta, j1 = row_of[j0], math.inf, 0
            for j in range(1, m + 1):
                if used[j]:
                    continue
                reduced = cost[i0 - 1][j - 1] - u[i0] - v[j]
                if reduced < least[j]:
                    least[j], way[j] = reduced, j0
                if least[j] < delta:
                    delta, j1 = least[j], j
            for j in range(m + 1):
                if used[j]:
                    u[row_of[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
        while j0:
            row_of[j0] = row_of[way[j0]]
            j0 = way[j0]
    result: list[int | None] = [None] * n
    for j in range(1, m + 1):
        if row_of[j]:
            result[row_of[j] - 1] = j - 1
    return result
