"""The binding resource: each in turn is the bottleneck by construction, and is the one that is named."""

import pytest

from dispatch_sim.decide.binding import LEAST_GAIN, find_binding
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.strategy import parse_strategy
from tests.model.helpers import BARE, PARALLEL, limited, scenario_of, script_queue

# Without anything in the way, 20 tasks take a minute.
TASKS = "tasks: [{name: a, count: 20, calls: 4, tokens: 16K, duration: 60s}]"
PACED = script_queue(20, pace="limits")


def binding_of(strategy, *parts, most=8):
    return find_binding(make_plan(scenario_of(BARE, TASKS, *parts), parse_strategy(strategy)), most)


@pytest.mark.parametrize(
    ("resource", "strategy", "part"),
    [
        ("requests", PACED, limited(requests="20/min", input_tokens="2M/min", output_tokens="1M/min")),
        ("input_tokens", PACED, limited(requests="1K/min", input_tokens="50K/min", output_tokens="1M/min")),
        ("output_tokens", PACED, limited(requests="1K/min", input_tokens="2M/min", output_tokens="8K/min")),
        ("harness_pace", PARALLEL, "harness: {pace: {calls: 10}}"),
        ("coordinator", "parallel", "dispatch: {brief: {time: 20s}}"),
        ("coordinator", PARALLEL, "merge: {structured: {time: 30s}}"),
        ("people", PARALLEL, "merge: {structured: {people: 2m}}"),
        ("people", script_queue(10), "review: {people: 5m}"),
        ("people", PARALLEL, "failures: {crash: 100%}"),
        ("concurrency", script_queue(5), ""),
        ("concurrency", "sequential", ""),
        ("concurrency", "solo", "dispatch: {context: {start: 1K}}"),
        ("concurrency", PARALLEL, "harness: {cap: 4}"),
        (None, PARALLEL, ""),
        (None, PARALLEL, limited(requests="1K/min", input_tokens="2M/min", output_tokens="1M/min")),
        (None, PARALLEL, "tasks: [{name: a, count: 9, tokens: 1, duration: {exponential: {mean: 9m}}}]"),
    ],
)
def test_bottleneck_is_named(resource, strategy, part):
    found = binding_of(strategy, part)
    assert (found.resource and found.resource.name) == resource
    assert found.to_json()["resource"] == resource
    assert found.second is None


def test_gain_and_utilisation_of_a_limit():
    """256K of new input at 60K a minute, of which 60K are there at first; the last call of 15 s follows."""
    found = binding_of(PACED, limited(input_tokens="60K/min"))
    base_s = (20 * 12.8 - 60) / 60 * 60 + 15
    assert found.makespan_s == pytest.approx(base_s, rel=0.01)
    assert found.resource.saved_s.mean == pytest.approx(base_s - 60, rel=0.02)
    assert found.resource.utilisation == pytest.approx(20 * 12.8 / (60 + base_s), rel=0.01)
    assert found.limits_reached


@pytest.mark.parametrize(("merge_s", "second"), [(50, "coordinator"), (10, None)])
def test_second_resource_is_named_if_it_is_close(merge_s, second):
    """Merges delay the next task, but at a higher concurrency others would be at work meanwhile."""
    found = binding_of("sequential", f"merge: {{structured: {{time: {merge_s}s}}}}")
    assert found.resource.name == "concurrency"
    assert (found.second and found.second.name) == second


def test_limits_that_bind_only_together_are_named_together():
    """80 calls of 3.2K: requests and input both take 19 minutes, so removing one saves nothing."""
    found = binding_of(PACED, limited(requests="4/min", input_tokens="12.8K/min"))
    assert found.resource.name == "limits"


@pytest.mark.parametrize(
    ("strategy", "part", "reached"),
    [
        (PARALLEL, "", None),
        (PARALLEL, limited(input_tokens="2M/min"), False),
        ("{paced: 5}", limited(input_tokens="2M/min"), False),
        ("{paced: 5}", limited(input_tokens="40K/min"), True),
        ("parallel", "{provider: {on_limit: wait, limits: {requests: 100/min}}}", False),
        ("parallel", "{provider: {on_limit: wait, limits: {requests: 30/min}}}", True),
    ],
)
def test_limits_are_reached_if_they_delay_or_reject_a_call(strategy, part, reached):
    assert binding_of(strategy, part).limits_reached is reached


def test_higher_concurrency_that_helps_is_found_below_the_highest():
    """At twice the concurrency the limits still suffice, at that of the batch most attempts fail."""
    found = binding_of(script_queue(2), limited(input_tokens="60K/min"), "client: {retries: 0}")
    assert (found.resource.name, found.resource.concurrency) == ("concurrency", 4)


def test_small_gain_does_not_bind():
    assert binding_of(PARALLEL, "merge: {structured: {time: 0.1s}}").resource is not None
    assert binding_of(PARALLEL, "merge: {structured: {time: 20ms}}").resource is None


def test_noise_does_not_bind():
    """Manual completion takes 6% of the mean makespan, but happens in too few of these batches."""
    found = binding_of(
        PARALLEL, "failures: {crash: 4%}", "retry: {max_attempts: 1}", "recovery: {people: 5s}"
    )
    (people,) = [each for each in found.resources if each.name == "people"]
    assert found.share(people) >= LEAST_GAIN
    assert not found.binds(people)
