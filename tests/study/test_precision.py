"""How many replications `auto` plays: doubled until the choice is settled or a budget ends."""

import pytest

from dispatch_sim.decide.answer import answer, choices
from dispatch_sim.decide.studies import compare
from dispatch_sim.scenario import model
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study import design
from dispatch_sim.study.checkpoint import Checkpoint
from dispatch_sim.study.design import design_comparison

TEXT = """
name: small
tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
strategies: [{queue: 2, merge: barrier}, {queue: 2, order: shortest-first}]
sweep: {concurrency: [2]}
study: {replications: auto, at_most: 100, indifference: $0.05}
"""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Begin with few replications, so that doubling takes no time."""
    monkeypatch.setattr(model, "FIRST", 10)


def study(**values):
    """Return the scenario with other values of its study."""
    return parse_source(TEXT).replaced({f"study.{key}": value for key, value in values.items()})


def counts(results):
    """Return how many replications were played, and why no more."""
    return results.replications, results.manifest["replications"]["stopped"]


def test_replications_double_until_within_the_indifference_threshold():
    """The half-width at the stage before was too large, and is not any more; all stages play the same."""
    results = compare(study(indifference="$0.10"))
    played, stopped = counts(results)
    assert stopped == "settled"
    assert played in (20, 40, 80)
    (choice,) = choices(results)
    assert choice.settled
    before = compare(study(replications=played // 2, indifference="$0.10"))
    assert not choices(before)[0].settled
    whole = compare(study(replications=played, indifference="$0.10"))
    assert whole.frame.equals(results.frame)


def test_settled_study_is_not_doubled():
    """Any difference will do."""
    assert counts(compare(study(indifference="$1000"))) == (10, "settled")


def test_replications_end_at_the_maximum():
    """The last stage is cut to it; and with a number there are no stages."""
    assert counts(compare(study(indifference="$0"))) == (100, "at_most")
    assert counts(compare(study(indifference="$0", replications=30))) == (30, "asked")


def test_time_limit_ends_doubling(monkeypatch):
    """The first 10 took 10 s, 20 would take 20, and 40 too long."""
    monkeypatch.setattr(Checkpoint, "elapsed", lambda checkpoint: float(checkpoint.stop))
    assert counts(compare(study(indifference="$0", seconds=35))) == (20, "seconds")


def test_interruption_keeps_earlier_stages():
    """And says that it was one."""

    def stop(done, total):
        if total == 40:
            raise KeyboardInterrupt

    results = compare(study(indifference="$0"), on_progress=stop)
    played, stopped = counts(results)
    assert stopped == "interrupted"
    assert 20 <= played <= 40
    assert results.manifest["replications"]["asked"] == 40


def test_json_states_the_precision():
    """Settled or not, beside whom, and to within what."""
    told = answer(compare(study(indifference="$0"))).to_json()["choices"][0]["precision"]
    assert told["replications"] == 100
    assert not told["settled"]
    assert told["half_width"] > 0
    assert told["rival"] == {"strategy": "queue (shortest-first)", "concurrency": 2}


def test_maximum_fits_in_memory(monkeypatch):
    """As many doublings of the first as there is room for."""
    monkeypatch.setattr(design, "MAX_ROWS", 100)
    assert design_comparison(study(at_most=5000)).at_most == 40
    assert design_comparison(study(replications=50)).at_most is None
