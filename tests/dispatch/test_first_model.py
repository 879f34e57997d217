"""With all that came later switched off, results equal the first model's to the last bit.

The expected values were made by the last version of the first model, which is another program.
"""

import hashlib
import json
from pathlib import Path

import pytest

from dispatch_sim.dispatch.luck import AttemptLuck, Luck

from .worlds import play_one, scenario_of

FIRST = json.loads((Path(__file__).parent / "data" / "first_model.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", FIRST["rows"], ids=range(len(FIRST["rows"])))
def test_results_equal_the_first_models(row):
    """Every measure of every strategy; only the coordinator's context has to be switched off by name."""
    scenario = scenario_of(row["scenario"].replace("dispatch: {", "dispatch: {context: none, "))
    for played in row["plays"]:
        outcome, _ = play_one(scenario, played["strategy"], row["replication"])
        assert (outcome.makespan_s, outcome.cost_usd) == (played["makespan_s"], played["cost_usd"])
        measures = {name: getattr(outcome, name) for name in FIRST["measures"]}
        digest = hashlib.sha256(json.dumps(measures).encode()).hexdigest()[:16]
        assert digest == played["digest"], measures


MECHANISMS = [
    "dispatch: {context: {start: 5K}}",
    "failures: {hang: 50%}\ntimeouts: {hard: 1d}",
    "timeouts: {soft: 1s}",
    "failures: {bad_brief: 50%}",
    "retry: {policy: resume}",
    "retry: {policy: cascade}",
    "conflicts: {probability: 100%}",
    "communication: rounds",
    "communication: blackboard",
    "review: {every: 2}",
    "harness: {cap: 2, over: refuse, pace: {calls: 3}}",
]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_switching_a_mechanism_on_changes_no_other_draw(mechanism):
    """Sizes, times, crashes, bad outputs, jitter, recoveries: the same, mechanism by mechanism."""
    tasks = (
        "tasks: [{name: a, count: 3, tokens: {lognormal: {mean: 15K, cv: 1}}, duration:"
        " {lognormal: {mean: 60s, cv: 1}}, calls: {uniform: {low: 2, high: 9}}, interarrival:"
        " {exponential: {mean: 9s}}, writes: [x], coupling: 50%}]"
    )
    plain, other = scenario_of(tasks), scenario_of(tasks, mechanism)
    for replication in range(20):
        one, two = Luck(plain, replication), Luck(other, replication)
        for index in range(3):
            assert one.recovery(0, index) == two.recovery(0, index)
            assert one.arrival(0, index) == two.arrival(0, index)
            for number in range(3):
                assert one.jitter(0, index, number, 1, 2) == two.jitter(0, index, number, 1, 2)
                assert _without_hang(one.attempt(0, index, number)) == _without_hang(
                    two.attempt(0, index, number)
                )


def _without_hang(luck: AttemptLuck) -> tuple[object, ...]:
    fields = [name for name in luck.__dataclass_fields__ if name not in ("hang_call", "obeys")]
    return tuple(getattr(luck, name) for name in fields)
