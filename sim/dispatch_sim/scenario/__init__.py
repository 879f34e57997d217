"""Scenarios: their format, and the problems of a file.

`load_scenario` reads a file; the models in `model` and the modules that it imports describe its keys.
"""

from dispatch_sim.scenario.distributions import Distribution
from dispatch_sim.scenario.formats import format_dollars, format_duration, format_tokens
from dispatch_sim.scenario.loader import Source, load_scenario, load_source, parse_scenario, parse_source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding, Problem, ScenarioError
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import TaskGroup

__all__ = [
    "Distribution",
    "Finding",
    "Problem",
    "Scenario",
    "ScenarioError",
    "Source",
    "Strategy",
    "TaskGroup",
    "format_dollars",
    "format_duration",
    "format_tokens",
    "load_scenario",
    "load_source",
    "parse_scenario",
    "parse_source",
]
