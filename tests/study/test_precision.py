"""How many replications `auto` simulates, of which design points, and why no more."""

from pathlib import Path

import pytest

from dispatch_sim.decide import rare_events
from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.rare_events import replications_for_rare_events
from dispatch_sim.decide.studies import compare, sweep
from dispatch_sim.scenario import model
from dispatch_sim.scenario.loader import load, parse_source
from dispatch_sim.study import design

TEXT = """
name: small
tasks:
- name: a
  count: 4
  calls: 1
  tokens: {lognormal: {mean: 15K, cv: 0.5}}
  duration: {exponential: {mean: 60s}}
strategies: [{queue: 2, merge: barrier}, {queue: 2, order: shortest-first}]
sweep: {concurrency: [2]}
failures: {crash: 0%, bad_output: 0%}
study: {replications: auto, at_most: 100, indifference: $0.05}
"""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Begin with few replications, so that more take no time."""
    monkeypatch.setattr(model, "FIRST", 10)
    monkeypatch.setattr(rare_events, "QUOTED", 40)
    monkeypatch.setattr(design, "SCREENED", 5)


def study(text=TEXT, **values):
    return parse_source(text).replaced({f"study.{key}": value for key, value in values.items()})


def counts(results):
    """Return how many replications the design points have, and why no more."""
    return results.counts.tolist(), results.manifest["replications"]["stopped"]


def test_quoted_strategies_have_more_replications_than_others():
    """Sequential is the best of its kind, so it is quoted; a queue of 1 is worse by far."""
    text = TEXT.replace("{queue: 2, merge: barrier}, {queue: 2, order: shortest-first}", "sequential, queue")
    text = text.replace("concurrency: [2]", "concurrency: [1, 2, 3, 4], tasks: [4]")
    results = sweep(study(text, indifference="$1000", at_most=1000))
    points = results.points[["strategy", "concurrency"]].itertuples(index=False, name=None)
    simulated = dict(zip(points, results.counts, strict=True))
    assert simulated["queue", 1] == 10
    assert simulated["queue", 4] == simulated["sequential", 1] >= 40
    whole = sweep(study(text, replications=int(results.counts.max())))
    kept = whole.frame.merge(results.frame[["strategy", "concurrency", "replication"]])
    assert kept.equals(results.frame.merge(kept[["strategy", "concurrency", "replication"]], how="right"))


def test_other_sizes_have_fewer_unless_they_may_be_the_best_of_their_kind(monkeypatch):
    """A task takes two hours, so of 8 tasks a queue of 2 is worse than a queue of 7."""
    monkeypatch.setattr(model, "FIRST", 60)
    monkeypatch.setattr(design, "SCREENED", 30)
    text = TEXT.replace("{queue: 2, merge: barrier}, {queue: 2, order: shortest-first}", "sequential, queue")
    text = text.replace("concurrency: [2]", "concurrency: [2, 7], tasks: [4, 8]").replace("60s", "2h")
    results = sweep(study(text, at_most=60))
    points = results.points[["strategy", "concurrency", "tasks"]].itertuples(index=False, name=None)
    assert dict(zip(points, results.counts.tolist(), strict=True)) == {
        ("sequential", 1, 4): 60,
        ("queue", 2, 4): 60,
        ("sequential", 1, 8): 60,
        ("queue", 2, 8): 30,
        ("queue", 7, 8): 60,
    }


def test_replications_double_until_the_best_is_resolved():
    assert counts(compare(study(indifference="$0"))) == ([100, 100], "at_most")
    results = compare(study(indifference="$0.10", at_most=5000))
    (choice,) = answer(results).choices
    assert counts(results)[1] == "settled"
    assert choice.alternatives[0].difference.half_width <= 0.10
    assert results.manifest["replications"]["needed"] == 0


def test_fixed_number_is_simulated_and_preliminary():
    results = compare(study(replications=30))
    assert counts(results) == ([30, 30], "asked")
    assert answer(results).needed == answer(results).to_json()["replications_needed"] >= 40
    assert answer(results).to_json()["preliminary"]


def test_deterministic_study_needs_no_more():
    """Nothing varies between two batches."""
    text = TEXT.replace("{lognormal: {mean: 15K, cv: 0.5}}", "15K\n  spread: 0%")
    results = compare(study(text.replace("{exponential: {mean: 60s}}", "60s")))
    assert counts(results) == ([10, 10], "settled")


def test_jitter_alone_is_random():
    """A rejected call returns later than allowed by up to a quarter."""
    text = TEXT.replace("{lognormal: {mean: 15K, cv: 0.5}}", "15K\n  spread: 0%")
    text = text.replace("{exponential: {mean: 60s}}", "60s")
    text += "provider: {limits: {requests: 6/min, burst: 10s}}\nclient: {retry_after: {jitter: 25%}}"
    results = compare(study(text, indifference="$1000"))
    assert counts(results) == ([40, 40], "settled")


def test_budget_of_calls_ends_a_study():
    """Four tasks of one call and two strategies: 10 replications are 80 calls, 40 are 320."""
    assert counts(compare(study(indifference="$0", calls=320))) == ([40, 40], "calls")
    assert counts(compare(study(indifference="$0", calls=319))) == ([10, 10], "calls")


def test_no_strategy_is_significantly_cheaper_than_the_recommended_when_calls_run_out(monkeypatch):
    """Narrow queues bracket a break-even, and have more replications than a queue of 7, which is better."""
    monkeypatch.undo()
    emails = load(Path(__file__).parents[2] / "scenarios" / "twenty-emails.yaml")
    sizes = {"tasks.email.count": 8, "sweep": {"tasks": [8], "concurrency": list(range(1, 8))}}
    results = sweep(emails.replaced(sizes | {"strategies": ["parallel", "queue"], "study.calls": 600_000}))
    assert results.manifest["replications"]["stopped"] == "calls"
    (choice,) = answer(results).choices
    assert all(other.difference.high >= 0 for other in choice.alternatives)


def test_the_best_narrow_queue_has_all_replications_where_a_wide_one_is_better(monkeypatch):
    """They are on different sides of a break-even. Of the narrow ones, a queue of 5 is the best."""
    monkeypatch.setattr(model, "FIRST", 60)
    monkeypatch.setattr(design, "SCREENED", 30)
    strategies = "[{queue: 2, merge: barrier}, {queue: 2, order: shortest-first}]"
    text = TEXT.replace(strategies, "[parallel (paced), queue (paced)]").replace("60s", "2h")
    text = text.replace("concurrency: [2]", "concurrency: [3, 4, 5, 24], tasks: [4, 24]")
    results = sweep(study(text, indifference="$1000", at_most=1000))
    assert results.manifest["replications"]["stopped"] == "settled"
    of = results.points[(results.points["concurrency"] == 5) & (results.points["tasks"] == 24)].index
    assert results.counts[of].tolist() == [60]


def test_interruption_keeps_earlier_stages():
    def stop(done, total):
        if total == 80:
            raise KeyboardInterrupt

    results = compare(study(indifference="$0"), on_progress=stop)
    simulated, stopped = counts(results)
    assert stopped == "interrupted"
    assert all(10 <= each <= 40 for each in simulated)
    assert results.manifest["replications"]["asked"] == 40


def test_json_states_the_precision():
    stated = answer(compare(study(indifference="$0", replications=4))).to_json()["choices"][0]["precision"]
    assert stated["replications"] == 4
    assert not stated["settled"]
    assert stated["half_width"] > 0
    assert stated["rival"] == {"strategy": "queue (shortest-first)", "concurrency": 2}


CRASH = "failures: {crash: 1%, bad_output: 0%}\nretry: {policy: none}"
EIGHT_HOURS = "{mixture: [{weight: 99%, of: 10m}, {weight: 1%, of: 8h}]}"


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        # One attempt of each of four tasks; a person at $80 and waiting at $40 an hour, for ten minutes.
        (f"{CRASH}\nrecovery: {{people: 10m}}", 25 / (1 - 0.99**4)),
        (f"{CRASH}\nrecovery: {{people: {{lognormal: {{mean: 10m, cv: 1}}}}}}", 25 * 2**3 / (1 - 0.99**4)),
        (f"{CRASH}\nrecovery: {{people: {{exponential: {{mean: 10m}}}}}}", 25 * 6**2 / 2**3 / (1 - 0.99**4)),
        ("failures: {crash: 1%, bad_output: 0%}\nretry: {max_attempts: 3}", 0),
        (
            "failures: {crash: 10%, bad_output: 0%}\nretry: {policy: none}\n"
            f"recovery: {{people: {EIGHT_HOURS}}}",
            25 / (1 - (1 - 0.1 * 0.01) ** 4),
        ),
        (
            "failures: {crash: 0%, bad_output: 0%, hang: 1%}\ntimeouts: {hard: 1h}\nretry: {max_attempts: 5}",
            25 / (1 - 0.99**4),
        ),
        ("failures: {crash: 0%, bad_output: 0%}\nGROUP", 25 / 0.01),
        ("failures: {crash: 0%, bad_output: 0%}", 0),
    ],
    ids=[
        *("manual", "log-normal", "exponential"),
        *("too rare to matter", "component", "hang", "component of one task", "nothing"),
    ],
)
def test_stated_rare_event_needs_25_occurrences_and_more_if_their_sizes_vary(changes, needed):
    """Squared skewness of a size S with a small probability p: E[S^3]^2 / E[S^2]^3 / p."""
    text = TEXT.replace("failures: {crash: 0%, bad_output: 0%}", changes)
    if "GROUP" in text:  # one task of five that takes eight hours in one batch of a hundred
        rare = f"- {{name: b, calls: 1, tokens: 1K, duration: {EIGHT_HOURS}}}\nstrategies:"
        text = text.replace("\nGROUP", "").replace("strategies:", rare)
    scenario = parse_source(text).scenario()
    found = replications_for_rare_events(scenario, scenario.batch_size, 0.05)
    assert found == pytest.approx(needed, rel=0.002)


def test_rare_events_of_each_level_of_a_factor_count():
    """Without failures few are enough; with 1%, a person works in one batch of 25, and 25 of these count."""
    text = TEXT.replace("concurrency: [2]", "concurrency: [2], tasks: [4], failures.crash: [0%, 1%]")
    text = text.replace("study:", f"{CRASH.partition(chr(10))[2]}\nrecovery: {{people: 10m}}\nstudy:")
    results = sweep(study(text, indifference="$0.50", at_most=5000))
    least = results.points.assign(n=results.counts).groupby("failures.crash")["n"].min()
    assert least["0%"] < 25 / (1 - 0.99**4) <= least["1%"]


def test_points_that_bracket_a_break_even_are_quoted(monkeypatch):
    """Along the concurrency and of single concurrencies too; and at other sizes, the rare events of these."""
    monkeypatch.setattr(model, "FIRST", 100)
    monkeypatch.setattr(design, "SCREENED", 40)
    monkeypatch.setattr(rare_events, "QUOTED", 200)
    monkeypatch.setattr(
        rare_events, "replications_for_rare_events", lambda scenario, tasks, threshold: 100 * (10 - tasks)
    )
    source = load(Path(__file__).parents[2] / "scenarios" / "ten-sources.yaml")
    sizes = {"tasks": [2, 3, 4, 10], "concurrency": [1, 2, 5, 6]}
    few = {"sweep": sizes, "strategies": ["parallel", "queue"], "study": {"at_most": 800, "seed": 7}}
    results = sweep(source.replaced(few))
    bracketing = {}
    for found in answer(results).break_evens:
        assert found.queue.concurrency is None or found.replications >= 100
        for value, difference in zip(found.values, found.differences, strict=True):
            if any(abs(value - crossing.at) < 1 for crossing in found.crossings):
                assert difference.n >= max(200, 100 * (10 - (found.tasks or value)))
                bracketing.setdefault((found.axis, found.queue.concurrency), []).append(value)
    assert {("tasks", None), ("tasks", 2), ("concurrency", None)} <= bracketing.keys()
