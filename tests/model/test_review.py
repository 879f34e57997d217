"""Review gates and wrong instructions."""

from tests.model.worlds import ALL_AT_ONCE, BARE, scenario_of, script_queue, simulate_one


def batch(count: int, review: str, *, wrong: str = "0%", policy: str = "failed-only"):
    """Return tasks of a minute and 1,000 tokens, and a person who looks for two minutes."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: 1, tokens: 1000, duration: 60s}}]",
        BARE.replace("bad_output: 0%", f"bad_output: 0%, bad_brief: {wrong}"),
        f"review: {review}",
        f"retry: {{policy: {policy}}}",
    )


def test_a_gate_after_each_task():
    """Three one by one: 60 s and 120 s each, as nothing is handed out while a person looks."""
    outcome, log = simulate_one(batch(3, "{every: 1, people: 2m}"), {"sequential": 1, "manager": "script"})
    assert outcome.makespan_s == 3 * 180
    assert (outcome.reviews, outcome.people_review_s, outcome.people_s) == (3, 360, 360)
    assert [event.start_s for event in log if event.kind == "launch"] == [0, 180, 360]


def test_a_gate_after_every_two_and_for_what_is_left():
    """Five in a queue of one: gates after two and four, and at the end for the fifth."""
    outcome, log = simulate_one(batch(5, "{every: 2, people: 2m, each: 10s}"), script_queue(1))
    assert outcome.reviews == 3
    assert outcome.people_review_s == 3 * 120 + 5 * 10
    assert outcome.makespan_s == 5 * 60 + outcome.people_review_s
    assert [event.start_s for event in log if event.kind == "launch"] == [0, 60, 260, 320, 520]


def test_every_1_reviews_each_output_by_itself():
    """Three are merged at 60 s; the person takes 2 min 10 s for each in turn, until 60 + 3 x 130 s."""
    outcome, log = simulate_one(batch(3, "{every: 1, people: 2m, each: 10s}"), script_queue(3))
    assert (outcome.reviews, outcome.people_review_s, outcome.makespan_s) == (3, 390, 450)
    reviews = [(event.start_s, event.end_s) for event in log if event.kind == "review"]
    assert reviews == [(60, 190), (190, 320), (320, 450)]


def test_outputs_that_wait_for_their_review_are_stale_once_the_first_is():
    """The first review ends at 180 s; all three are done again until 240 s, and reviewed until 600 s."""
    outcome, _ = simulate_one(batch(3, "{every: 1, people: 2m}", wrong="100%"), script_queue(3))
    assert (outcome.wrong_brief_attempts, outcome.reviews, outcome.makespan_s) == (3, 4, 600)


def test_a_gate_between_waves():
    """Two waves of three, a gate after each: 60 + 120 + 60 + 120 s."""
    outcome, _ = simulate_one(batch(6, "{every: round, people: 2m}"), {"waves": 3, "manager": "script"})
    assert (outcome.reviews, outcome.makespan_s) == (2, 360)


def test_what_runs_goes_on_while_a_gate_is_closed():
    """Three at once, one of them longer: the first gate closes at 60 s, the last task is back at 90 s."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 2, calls: 1, tokens: 0, duration: 60s},"
        " {name: b, calls: 1, tokens: 0, duration: 90s}]",
        BARE,
        "review: {every: 2, people: 2m}",
    )
    outcome, log = simulate_one(scenario, script_queue(3))
    assert [event.end_s for event in log if event.kind == "call"] == [60, 60, 90]
    assert outcome.makespan_s == 60 + 120 + 120  # the third waits for the person, and has a gate of its own


def test_wrong_instructions_show_at_the_first_gate():
    """Six in a queue of one, gates after two: two are done again, and four done once."""
    outcome, _ = simulate_one(batch(6, "{every: 2, people: 2m}", wrong="100%"), script_queue(1))
    assert outcome.wrong_brief_attempts == 2
    assert (outcome.tokens_work, outcome.tokens_wasted) == (6000, 2000)
    assert outcome.reviews == 4
    assert outcome.makespan_s == 8 * 60 + 4 * 120


def test_without_a_review_they_show_when_all_is_done():
    """All six are done again, and nobody's time is counted for finding out."""
    outcome, _ = simulate_one(batch(6, "none", wrong="100%"), script_queue(1))
    assert outcome.wrong_brief_attempts == 6
    assert outcome.tokens_wasted == 6000
    assert outcome.makespan_s == 12 * 60
    assert (outcome.people_s, outcome.reviews) == (0, 0)
    outcome, _ = simulate_one(batch(6, "none", wrong="100%"), ALL_AT_ONCE)
    assert outcome.makespan_s == 120


def test_work_that_is_under_way_by_wrong_instructions_is_lost_too():
    """A queue of three, gates of one: the first back, at 60 s, shows it; the two others were at work."""
    outcome, _ = simulate_one(batch(3, "{every: 3, people: 2m}", wrong="100%"), script_queue(3))
    assert outcome.wrong_brief_attempts == 3
    scenario = scenario_of(
        "tasks: [{name: a, calls: 1, tokens: 1000, duration: 60s},"
        " {name: b, calls: 1, tokens: 1000, duration: 500s}]",
        BARE.replace("bad_output: 0%", "bad_output: 0%, bad_brief: 100%"),
        "review: {every: 1, people: 2m}",
    )
    outcome, _ = simulate_one(scenario, script_queue(2))
    # b is launched with wrong instructions, comes back at 500 s, fails, and is done again until 1000 s.
    assert outcome.wrong_brief_attempts == 2
    assert outcome.makespan_s == 1000 + 120


def test_wrong_instructions_are_nobodys_failed_attempt():
    """Even without retries, what they have spoilt is done again by an agent."""
    outcome, _ = simulate_one(batch(4, "none", wrong="100%", policy="none"), ALL_AT_ONCE)
    assert outcome.manual_completions == 0
    assert outcome.tokens_work == 4000


def test_a_gate_and_the_merges_share_one_person():
    """Prose of a minute's merge and a gate of two minutes each: one after another, 3 minutes a task."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 3, calls: 1, tokens: 0, duration: 60s, output: prose}]",
        BARE.replace("prose: {people: 0s}", "prose: {people: 1m}"),
        "review: {every: 1, people: 2m}",
    )
    outcome, _ = simulate_one(scenario, script_queue(3))
    assert outcome.people_s == 3 * (60 + 120)
    assert outcome.makespan_s == 60 + outcome.people_s
