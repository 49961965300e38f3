# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import STRATEGIES, Options, budget_of, waves

NAMES_OF_HOSTS = st.text("abc0-", min_size=1, max_size=4)
HOSTS = st.dictionaries(NAMES_OF_HOSTS, st.sampled_from(["", "berlin", "madrid"]), max_size=12)
NAMES = st.sampled_from(sorted(STRATEGIES))
PACKAGES = st.sampled_from(["web/shop", "calendar/radicale", "a/b"])
BATCHES = st.one_of(st.integers(1, 15).map(str), st.integers(1, 100).map("{}%".format))
OPTIONS = st.builds(Options, PACKAGES, canary=st.integers(1, 15), batch=BATCHES)
LIMITED = st.builds(Options, PACKAGES, canary=st.integers(1, 15), batch=BATCHES, largest=st.integers(1, 15))
FLEET = {f"{site}-{number}": site for site, count in (("ber", 8), ("mad", 6), ("sin", 6)) for number in range(count)}


def nowhere(hosts: collections.abc.Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(hosts, "")


@settings(max_examples=60, deadline=None)
@given(NAMES, HOSTS, OPTIONS)
def test_every_host_is_in_one_wave_and_no_wave_is_empty(name: str, hosts: dict[str, str], options: Options) -> None:
    made = waves(name, hosts, options)
    assert sorted(host for wave in made for host in wave.hosts) == sorted(hosts)
    assert all(wave.hosts for wave in made)
    assert [wave.index for wave in made] == list(range(1, len(made) + 1))


@settings(max_examples=60, deadline=None)
@given(NAMES, HOSTS, OPTIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_hosts_are_named_changes_nothing(
    name: str, hosts: dict[str, str], options: Options, dice: object
) -> None:
    shuffled = list(hosts)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis does not name the type of its generator
    assert waves(name, {host: hosts[host] for host in shuffled}, options) == waves(name, hosts, options)


@settings(max_examples=60, deadline=None)
@given(st.sets(NAMES_OF_HOSTS, min_size=1, max_size=12), st.integers(1, 15))
def test_a_canary_has_the_size_that_was_asked_for(hosts: set[str], canary: int) -> None:
    first, *rest = waves("canary", nowhere(hosts), Options("web/shop", canary=canary))
    assert (first.name, len(first.hosts)) == ("canary", min(canary, len(hosts)))
    assert [wave.name for wave in rest] == (["rest"] if len(hosts) > canary else [])


@settings(max_examples=100, deadline=None)
@given(NAMES, HOSTS, LIMITED)
def test_no_wave_is_larger_than_it_may_be(name: str, hosts: dict[str, str], options: Options) -> None:
    made = waves(name, hosts, options)
    assert sorted(host for wave in made for host in wave.hosts) == sorted(hosts)
    assert all(0 < len(wave.hosts) <= options.largest for wave in made)
    assert made == waves(name, hosts, options)
    free = waves(name, hosts, dataclasses.replace(options, largest=0))
    if all(len(wave.hosts) <= options.largest for wave in free):
        assert made == free


def test_what_is_too_large_is_split_over_all_sites() -> None:
    made = waves("canary", FLEET, Options("web/shop", largest=10))
    assert [(wave.name, len(wave.hosts)) for wave in made] == [("canary", 1), ("rest-1", 10), ("rest-2", 9)]
    for wave in made[1:]:
        assert {FLEET[host] for host in wave.hosts} == {"ber", "mad", "sin"}
    assert [len(wave.hosts) for wave in waves("big_bang", FLEET, Options("a/b", largest=15))] == [10, 10]
    assert [len(wave.hosts) for wave in waves("rolling", FLEET, Options("a/b", batch="50%", largest=4))] == [4] * 5


def test_a_host_that_joins_takes_at_most_one_place_in_the_canary() -> None:
    before = set(waves("canary", nowhere("abcdefgh"), Options("web/shop", canary=3))[0].hosts)
    after = set(waves("canary", nowhere("abcdefghi"), Options("web/shop", canary=3))[0].hosts)
    assert len(before & after) >= 2


@pytest.mark.parametrize("strategy", ["canary", "rolling"])
def test_it_is_not_always_the_same_host_that_goes_first(strategy: str) -> None:
    hosts = nowhere(f"ci-{number:02}" for number in range(20))
    first = [waves(strategy, hosts, Options(f"team/app{n}", batch="1"))[0].hosts[0] for n in range(100)]
    assert len(set(first)) >= 15
    assert max(first.count(host) for host in first) <= 15


def test_big_bang_is_one_wave() -> None:
    made = waves("big_bang", nowhere("ba"), Options("a/b"))
    assert [(wave.name, wave.hosts) for wave in made] == [("all", ("a", "b"))]


@settings(max_examples=60, deadline=None)
@given(HOSTS, OPTIONS)
def test_all_batches_but_the_last_have_the_size_that_was_asked_for(hosts: dict[str, str], options: Options) -> None:
    number = int(options.batch.rstrip("%"))
    size = max(1, len(hosts) * number // 100) if options.batch.endswith("%") else number
    sizes = [len(wave.hosts) for wave in waves("rolling", hosts, options)]
    assert all(found == size for found in sizes[:-1])
    assert sizes == [] or 1 <= sizes[-1] <= size


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), BATCHES)
def test_no_batch_takes_more_of_a_site_than_its_share(sizes: list[int], batch: str) -> None:
    hosts = {f"{site}-{number}": str(site) for site, size in enumerate(sizes) for number in range(size)}
    for wave in waves("rolling", hosts, Options("web/shop", batch=batch)):
        for site, size in enumerate(sizes):
            share = size * (len(wave.hosts) + len(sizes)) / len(hosts) + 1
            assert sum(hosts[host] == str(site) for host in wave.hosts) <= share


def test_rolling_takes_every_site_into_every_wave() -> None:
    made = waves("rolling", FLEET, Options("web/shop", batch="25%"))
    assert [(wave.name, len(wave.hosts)) for wave in made] == [(f"batch-{number}", 5) for number in range(1, 5)]
    for wave in made:
        assert {1, 2} >= set(collections.Counter(FLEET[host] for host in wave.hosts).values())
        assert wave.hosts == tuple(sorted(wave.hosts))


@pytest.mark.parametrize(
    ("batch", "sizes"),
    [("4", [4] * 5), ("20", [20]), ("1000", [20]), ("30%", [6, 6, 6, 2]), ("1%", [1] * 20), ("100%", [20])],
)
def test_a_batch_is_a_number_or_a_percentage_that_is_rounded_down(batch: str, sizes: list[int]) -> None:
    assert [len(wave.hosts) for wave in waves("rolling", FLEET, Options("web/shop", batch=batch))] == sizes


@pytest.mark.parametrize("batch", ["", "0", "0%", "-1", "101%", "2.5", "25 %", "%", "a", "4\n", "\u0664", "1" * 30])
@pytest.mark.parametrize("hosts", [{}, FLEET])
def test_what_is_no_batch_is_refused(batch: str, hosts: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        waves("rolling", hosts, Options("a/b", batch=batch))
    assert caught.value.code == "batch-malformed"
    assert repr(batch) in caught.value.message and "25%" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "canary", "code"),
    [("by_magic", 1, "strategy-unknown"), ("canary", 0, "canary-empty"), ("canary", -1, "canary-empty")],
)
def test_what_is_no_strategy_is_refused(name: str, canary: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        waves(name, nowhere("a"), Options("a/b", canary=canary))
    assert caught.value.code == code


@pytest.mark.parametrize(("budget", "hosts"), [("0", 0), ("3", 3), ("10%", 2), ("4%", 0), ("100%", 20), ("0%", 0)])
def test_a_budget_is_a_number_or_a_percentage_that_is_rounded_down(budget: str, hosts: int) -> None:
    assert budget_of(budget, 20) == hosts


@pytest.mark.parametrize("budget", ["", "-1", "1.5", "101%", "many", "1 %"])
def test_what_is_no_budget_is_refused(budget: str) -> None:
    with pytest.raises(InputError) as caught:
        budget_of(budget, 20)
    assert caught.value.code == "budget-malformed"
    assert "relmgmt_failure_budget" in str(caught.value)
