"""The analytic results agree with textbook sums, special cases and a SimPy resource."""

import math

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

import theory

loads = st.floats(0.01, 0.95)


@given(st.integers(1, 60), loads)
def test_erlang_c_is_the_ratio_of_its_textbook_sums(servers, load):
    offered = servers * load
    tail = offered**servers / math.factorial(servers) / (1 - load)
    head = sum(offered**k / math.factorial(k) for k in range(servers))
    assert theory.erlang_c(servers, offered) == pytest.approx(tail / (head + tail), rel=1e-9)


def test_erlang_c_stays_a_probability_with_ten_thousand_servers():
    assert 0 < theory.erlang_c(10_000, 9_950) < 1


def test_waits_are_infinite_at_full_load():
    assert theory.erlang_c(3, 3) == 1
    assert theory.mmc_mean_wait(3, 1, 3) == math.inf
    assert theory.pollaczek_khinchine_wait(1, 1, 0) == math.inf


@given(loads, st.floats(0.1, 100))
def test_the_mean_wait_of_one_exponential_server_agrees_three_ways(load, service):
    """M/M/1: rho s / (1 - rho), as M/M/c with c = 1 and as M/G/1 with a coefficient of variation of 1."""
    expected = load * service / (1 - load)
    assert theory.mmc_mean_wait(load / service, service, 1) == pytest.approx(expected)
    assert theory.pollaczek_khinchine_wait(load / service, service, 1) == pytest.approx(expected)


def test_constant_service_halves_the_wait():
    """M/D/1 against M/M/1."""
    constant, exponential = (theory.pollaczek_khinchine_wait(0.8, 1, scv) for scv in (0, 1))
    assert constant == pytest.approx(exponential / 2) == pytest.approx(2.0)


jobs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=25)


@given(jobs, st.integers(1, 5))
def test_waits_are_those_of_a_simpy_resource(pairs, servers):
    arrivals = np.cumsum([gap for gap, _ in pairs])
    services = [service for _, service in pairs]
    env = simpy.Environment()
    resource = simpy.Resource(env, servers)
    waited = {}

    def customer(index):
        yield env.timeout(int(arrivals[index]))
        with resource.request() as slot:
            yield slot
            waited[index] = env.now - arrivals[index]
            yield env.timeout(services[index])

    for index in range(len(pairs)):
        env.process(customer(index))
    env.run()
    expected = [waited[index] for index in range(len(pairs))]
    np.testing.assert_array_equal(theory.kiefer_wolfowitz(arrivals, services, servers), expected)
