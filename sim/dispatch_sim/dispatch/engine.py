"""One replication, played by SimPy.

The actors are SimPy processes: `dispatcher` hands out tasks and sees to what becomes of them, `agent`
works on one, `api` admits or refuses model calls, `merging` puts outputs together; `world` holds what
they share.
"""

from __future__ import annotations

from dispatch_sim.dispatch.dispatcher import Dispatcher
from dispatch_sim.dispatch.log import Event
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import Outcome
from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.dispatch.world import World


def play(plan: Plan, luck: Luck, log: list[Event] | None = None) -> Outcome:
    """Play one replication: dispatch the batch until every task is done and merged.

    Parameters
    ----------
    plan : the design point.
    luck : the draws of the replication, for the plan's scenario.
    log : where given, events are appended to it, in the order in which they end.

    Raises
    ------
    ValueError
        Where the draws are another scenario's.
    """
    if luck.scenario is not plan.scenario and luck.scenario != plan.scenario:
        raise ValueError("the draws were made for another scenario than the plan's")
    world = World(plan, luck, log)
    world.env.run(until=world.env.process(Dispatcher(world).dispatch()))
    api, provider = world.api, plan.scenario.provider
    quota = (api.requests, api.input_tokens, api.output_tokens)
    return world.books.close(world.env.now, quota, provider.prices, plan.scenario.values)
