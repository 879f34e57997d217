"""Tables of results that are made up."""

import pandas as pd

from dispatch_sim.scenario.strategy import parse_strategy


def table(points, tasks=8):
    """Return results of strategies, by their texts: the values of columns, or of `cost_usd` alone."""
    parts = []
    for text, values in points.items():
        columns = values if isinstance(values, dict) else {"cost_usd": values}
        numbers = range(len(next(iter(columns.values()))))
        of = parse_strategy(text).to_json(tasks) | {"tasks": tasks, "replication": numbers}
        parts.append(pd.DataFrame(of | columns))
    return pd.concat(parts)
