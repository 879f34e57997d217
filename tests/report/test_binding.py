"""Sentences on the binding resource and the lower bound."""

from dataclasses import asdict, replace

import pytest

from dispatch_sim.decide.binding import Binding, Resource
from dispatch_sim.decide.lower_bound import Bottleneck, LowerBound
from dispatch_sim.report.answers import answer_document
from dispatch_sim.report.binding import binding_sentence, bottleneck_sentences
from dispatch_sim.report.render import document
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, mean_estimate


def binding(*resources, limits_reached=True, concurrency=5):
    """Return the binding of a queue for 20 tasks that takes 100 s; savings are known to within 2 s."""
    found = tuple(
        Resource(name, utilisation, Estimate(saved_s, saved_s - within, saved_s + within, 128), at)
        for name, utilisation, saved_s, at, within in (
            each if len(each) == 5 else (*each, 2.0) for each in resources
        )
    )
    return Binding(Strategy("queue", concurrency), 20, 100.0, 128, found, limits_reached)


INPUT = ("input_tokens", 0.94, 38.0, None)
INPUT_SLIGHTLY = ("input_tokens", 0.94, 9.0, None)
THREE_USELESS = [("requests", 0.9, 0.0, None, 0.5)] * 3
TWO_UNRESOLVED = [("requests", 0.9, 9.0, None, 11.0)] * 2
USELESS = ("concurrency", 0.6, 0.5, 10, 0.25)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            binding(INPUT, USELESS),
            "The input-token limit binds (94% used): without it, the makespan would be 38s (36s to 40s; "
            "38%) shorter. A higher concurrency hardly helps.",
        ),
        (
            binding(INPUT, ("coordinator", 0.41, 20.0, None), concurrency=20),
            "The input-token limit binds (94% used): without it, the makespan would be 38s (36s to 40s; "
            "38%) shorter. Next is the coordinator (busy for 41% of the makespan), with 20s (18s to 22s; "
            "20%).",
        ),
        (
            binding(("coordinator", 0.9, 60.0, None), USELESS, limits_reached=False),
            "The coordinator binds (busy for 90% of the makespan): without that work, the makespan would be "
            "1m (58s to 1m 2s; 60%) shorter. A higher concurrency hardly helps. No limit is reached: a "
            "higher tier changes nothing.",
        ),
        (
            binding(("people", 0.9, 60.0, None), concurrency=20),
            "People's time binds (90% of the makespan): without that work, the makespan would be 1m "
            "(58s to 1m 2s; 60%) shorter. The limits are reached, but a higher tier hardly shortens the "
            "makespan.",
        ),
        (
            binding(("concurrency", 0.97, 30.0, 10), limits_reached=None),
            "The concurrency binds (97% of slots used): at a concurrency of ten, the makespan would be 30s "
            "(28s to 32s; 30%) shorter.",
        ),
        (
            binding(("limits", None, 30.0, None), *THREE_USELESS, concurrency=20),
            "The rate limits bind together: lifting all three would shorten the makespan by 30s (28s to 32s; "
            "30%); lifting any one alone saves less than 1%.",
        ),
        (
            binding(("limits", None, 30.0, None), *TWO_UNRESOLVED, concurrency=20),
            "The rate limits bind together: lifting both would shorten the makespan by 30s (28s to 32s; "
            "30%); what lifting one alone saves is not shown.",
        ),
        (
            binding(("requests", 0.3, 40.0, None, 50.0), ("limits", None, 30.0, None), concurrency=20),
            "The rate limits bind together: lifting all of them would shorten the makespan by 30s (28s to "
            "32s; 30%); what lifting one alone saves is not shown. Without the request limit (30% used), the "
            "saving may be larger: 40s (\N{MINUS SIGN}10s to 1m 30s; 40%), which is not significant with 128 "
            "replications.",
        ),
        (
            binding(("concurrency", 1.0, 20.0, 10, 30.0), INPUT_SLIGHTLY),
            "The input-token limit binds (94% used): without it, the makespan would be 9s (7s to 11s; 9%) "
            "shorter. At a concurrency of ten, the saving may be larger: 20s (\N{MINUS SIGN}10s to 50s; "
            "20%), which is not significant with 128 replications.",
        ),
        (
            binding(("people", 0.02, 1.5, None), USELESS, limits_reached=False),
            "Which resource binds is not resolved: 128 replications without each of them in turn are too "
            "few. It may be people's time (2% of the makespan). No limit is reached: a higher tier changes "
            "nothing.",
        ),
        (
            binding(
                ("people", 0.2, 30.0, None, 40.0),
                ("coordinator", 0.4, 9.0, None),
                ("requests", 0.5, 5.0, None),
                ("concurrency", 1.0, 0.5, 10),
            ),
            "The coordinator binds (busy for 40% of the makespan): without that work, the makespan would be "
            "9s (7s to 11s; 9%) shorter. Without people's work (20% of the makespan), the saving may be "
            "larger: 30s (\N{MINUS SIGN}10s to 1m 10s; 30%), which is not significant with 128 replications. "
            "Next is the request limit (50% used), with 5s (3s to 7s; 5%).",
        ),
        (
            binding(USELESS, limits_reached=False),
            "No resource binds: the agents' own work takes the time. No limit is reached: a higher tier "
            "changes nothing.",
        ),
        (
            binding(("coordinator", 0.19, 6.0, None), limits_reached=False, concurrency=20),
            "No resource binds much: the agents' own work takes most of the time. Without the coordinator's "
            "work (busy for 19% of the makespan), the makespan would be 6s (4s to 8s; 6%) shorter. No limit "
            "is reached: a higher tier changes nothing.",
        ),
    ],
)
def test_sentence_names_what_binds_and_what_cannot_help(found, text):
    assert binding_sentence(found) == text


@pytest.mark.parametrize(
    ("multiples", "text"),
    [
        (
            (1.26, 2.0),
            "In 32 replications, the mean makespan is 1.3 times, and the mean bill 2.0 times, a lower bound "
            "that none of the strategies compared can beat unless it leaves more tasks to people.",
        ),
        (
            (1.0, None),
            "In 32 replications, the mean makespan is 1.0 times a lower bound that none of the strategies "
            "compared can beat unless it leaves more tasks to people.",
        ),
        (
            (None, 1.1),
            "In 32 replications, the mean bill is 1.1 times a lower bound that none of the strategies "
            "compared can beat unless it leaves more tasks to people.",
        ),
        ((None, None), ""),
    ],
)
def test_multiples_of_the_lower_bound_are_those_of_the_replications_simulated(multiples, text):
    bound = LowerBound(80.0, 1.0, *multiples, 32)
    assert bottleneck_sentences(Bottleneck(binding(INPUT), bound))[1] == text


def test_saving_whose_interval_needs_more_replications_is_preliminary():
    """Nine of 128 batches: 25 times the squared skewness is 25 (110 / 128)^2 / (9 / 128 119 / 128) = 283."""
    saved_s = mean_estimate([1000.0] * 9 + [0.0] * 119)
    found = replace(binding(), resources=(Resource("people", 0.1, saved_s),))
    assert ", preliminary with 128 replications; 70%) shorter." in binding_sentence(found)
    assert resources_table(found)[-1].endswith(" (preliminary) |")


def resources_table(found):
    return document("resources.md", binding=found).markdown.splitlines()


def test_table_has_utilisation_and_saving_of_every_resource():
    assert resources_table(binding(INPUT, ("harness_pace", None, 0.0, None)))[-2:] == [
        "| Input-token limit | 94% | 38s (36s to 40s) |",
        "| Harness's limit on calls |  | 0s (\N{MINUS SIGN}2s to 2s) |",
    ]


def test_answer_states_its_bottleneck(tight, factors):
    for answer in (tight, factors):
        found, data = answer.bottleneck, answer.to_json()
        assert data["binding"]["strategy"] == data["recommended"]["strategy"]
        assert data["binding"] == found.binding.to_json()
        assert data["lower_bound"] == asdict(found.lower_bound)
    text = " ".join(answer_document(tight, pictures=False).text.split())
    assert all(sentence in text for sentence in bottleneck_sentences(tight.bottleneck))
    assert main_view(tight).bottleneck is tight.bottleneck
    assert main_view(factors).bottleneck.binding.strategy == main_view(factors).recommended


def test_scenario_that_cannot_be_read_again_has_none(tight):
    """As when it takes values from a csv file that is not stored with the results."""
    manifest = tight.results.manifest
    changed = {**manifest, "scenario": {**manifest["scenario"], "sha256": "0" * 64}}
    results = type(tight.results)(tight.results.columns, changed)
    answer = replace(tight, results=results)
    assert answer.bottleneck is None
    assert bottleneck_sentences(answer.bottleneck) == ()
    assert answer.to_json()["lower_bound"] is None
