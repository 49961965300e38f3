# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    STRATEGIES,
    Options,
    budget_of,
    site_budgets_of,
    waves,
)

NAMES_OF_HOSTS = st.text("abc0-", min_size=1, max_size=4)
SITES = ("ber", "mad", "sin")
HOSTS = st.dictionaries(NAMES_OF_HOSTS, st.sampled_from(SITES), max_size=12)
NAMES = st.sampled_from(sorted(STRATEGIES))
PACKAGES = st.sampled_from(["web/shop", "calendar/radicale", "a/b"])
BATCHES = st.one_of(st.integers(1, 15).map(str), st.integers(1, 100).map("{}%".format))
BATCH_OF = st.sampled_from(["all", "site"])
CANARIES = st.integers(1, 15).map(str)
BAKES = st.sampled_from([0.0, 60.0])
OPTIONS = st.builds(Options, PACKAGES, canary=CANARIES, batch=BATCHES, batch_of=BATCH_OF, bake=BAKES)
LIMITED = st.builds(Options, PACKAGES, canary=CANARIES, batch=BATCHES, batch_of=BATCH_OF, largest=st.integers(1, 15))
FLEET = {f"{site}-{number}": site for site, count in (("ber", 8), ("mad", 6), ("sin", 6)) for number in range(count)}


def size_of(batch: str, hosts: int) -> int:
    number = int(batch.rstrip("%"))
    return max(1, hosts * number // 100) if batch.endswith("%") else number


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
    first, *rest = waves("canary", nowhere(hosts), Options("web/shop", canary=str(canary)))
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
    before = set(waves("canary", nowhere("abcdefgh"), Options("web/shop", canary="3"))[0].hosts)
    after = set(waves("canary", nowhere("abcdefghi"), Options("web/shop", canary="3"))[0].hosts)
    assert len(before & after) >= 2


@pytest.mark.parametrize("strategy", ["canary", "phased", "rolling"])
def test_it_is_not_always_the_same_host_that_goes_first(strategy: str) -> None:
    hosts = dict.fromkeys((f"ci-{number:02}" for number in range(20)), "ber")
    first = [waves(strategy, hosts, Options(f"team/app{n}", batch="1"))[0].hosts[0] for n in range(100)]
    assert len(set(first)) >= 15
    assert max(first.count(host) for host in first) <= 15


def test_big_bang_is_one_wave() -> None:
    made = waves("big_bang", nowhere("ba"), Options("a/b"))
    assert [(wave.name, wave.hosts) for wave in made] == [("all", ("a", "b"))]


@settings(max_examples=60, deadline=None)
@given(HOSTS, OPTIONS)
def test_all_batches_but_the_last_have_the_size_that_was_asked_for(hosts: dict[str, str], options: Options) -> None:
    size = size_of(options.batch, len(hosts))
    sizes = [len(wave.hosts) for wave in waves("rolling", hosts, dataclasses.replace(options, batch_of="all"))]
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
    ("name", "options", "code"),
    [
        ("by_magic", Options("a/b"), "strategy-unknown"),
        ("canary", Options("a/b", canary="-1"), "canary-malformed"),
        ("canary", Options("a/b", canary="some"), "canary-malformed"),
        ("big_bang", Options("a/b", bake=-1.0), "bake-malformed"),
        ("big_bang", Options("a/b", bake=math.nan), "bake-malformed"),
        ("big_bang", Options("a/b", bake=math.inf), "bake-malformed"),
        ("phased", Options("a/b"), "site-unset"),
        ("phased", Options("a/b", batch="0"), "batch-malformed"),
        ("rolling", Options("a/b", batch_of="site"), "site-unset"),
    ],
)
def test_what_is_no_strategy_is_refused(name: str, options: Options, code: str) -> None:
    with pytest.raises(InputError) as caught:
        waves(name, nowhere("a"), options)
    assert caught.value.code == code


# --- canaries ---


@pytest.mark.parametrize(
    ("canary", "hosts", "hint"),
    [
        ("0", 20, "Use 1 or more."),
        ("0%", 20, "is 5%."),
        ("4%", 20, "The smallest percentage that is a host of 20 is 5%."),
        ("10%", 7, "The smallest percentage that is a host of 7 is 15%."),
        ("0%", 300, "The smallest percentage that is a host of 300 is 1%."),
    ],
)
def test_a_canary_that_comes_to_no_host_is_refused_with_what_would_be_one(canary: str, hosts: int, hint: str) -> None:
    fleet = nowhere(f"h{number}" for number in range(hosts))
    with pytest.raises(InputError) as caught:
        waves("canary", fleet, Options("a/b", canary=canary))
    assert caught.value.code == "canary-empty"
    assert hint in caught.value.hint and "relmgmt_canary" in caught.value.hint


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300))
def test_the_smallest_percentage_that_is_named_is_a_host(hosts: int) -> None:
    fleet = nowhere(f"h{number}" for number in range(hosts))
    with pytest.raises(InputError) as caught:
        waves("canary", fleet, Options("a/b", canary="0%"))
    least = caught.value.hint.split(" is ")[2].partition(".")[0]
    assert waves("canary", fleet, Options("a/b", canary=least))[0].name == "canary"


def test_a_percentage_of_canaries_is_of_the_fleet_also_where_few_are_left() -> None:
    few = {host: site for host, site in FLEET.items() if host in ("ber-0", "mad-1", "sin-2")}
    made = waves("canary", few, Options("web/shop", canary="10%", fleet=FLEET))
    assert [(wave.name, len(wave.hosts)) for wave in made] == [("canary", 2), ("rest", 1)]


def test_canaries_that_are_named_go_first() -> None:
    named = ("sin-5", "ber-1")
    first, rest = waves("canary", FLEET, Options("web/shop", canary="3", canary_hosts=named))
    assert (first.name, first.hosts, len(rest.hosts)) == ("canary", ("ber-1", "sin-5"), 18)
    left = {host: site for host, site in FLEET.items() if host != "ber-1"}
    assert waves("canary", left, Options("web/shop", canary_hosts=named, fleet=FLEET))[0].hosts == ("sin-5",)


def test_a_canary_that_is_no_host_of_the_rollout_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        waves("canary", FLEET, Options("web/shop", canary_hosts=("ber-1", "par-1")))
    assert caught.value.code == "canary-unknown"
    assert "par-1" in caught.value.message and "ber-1" not in caught.value.message


# --- site by site ---


@settings(max_examples=60, deadline=None)
@given(HOSTS, OPTIONS, st.randoms(use_true_random=False))
def test_phased_takes_one_site_after_the_other(hosts: dict[str, str], options: Options, dice: object) -> None:
    order = sorted(set(hosts.values()))
    dice.shuffle(order)  # type: ignore[attr-defined]  # hypothesis does not name the type of its generator
    made = waves("phased", hosts, dataclasses.replace(options, site_order=tuple(order)))
    assert list(dict.fromkeys(wave.site for wave in made)) == order
    for number, wave in enumerate(made):
        assert {hosts[host] for host in wave.hosts} == {wave.site}
        assert len(wave.hosts) <= size_of(options.batch, list(hosts.values()).count(wave.site))
        ends = number + 1 == len(made) or made[number + 1].site != wave.site
        assert wave.bake == (options.bake if ends else 0.0), "behind the last wave of each site"


def test_the_order_of_sites_depends_on_the_package_where_nobody_says_it() -> None:
    first = {waves("phased", FLEET, Options(f"team/app{number}"))[0].site for number in range(20)}
    assert first == set(SITES)


def test_the_waves_of_a_site_are_named_after_it() -> None:
    made = waves("phased", FLEET, Options("web/shop", batch="50%", site_order=("mad", "ber", "sin")))
    names = [f"{site} batch-{number}" for site in ("mad", "ber", "sin") for number in (1, 2)]
    assert [(wave.name, len(wave.hosts)) for wave in made] == list(zip(names, [3, 3, 4, 4, 3, 3], strict=True))
    whole = waves("phased", FLEET, Options("web/shop", batch="100%", site_order=("mad", "ber", "sin")))
    assert [wave.name for wave in whole] == ["mad", "ber", "sin"]


def test_a_site_of_which_nothing_is_to_be_switched_is_no_wave_and_no_error() -> None:
    left = {host: site for host, site in FLEET.items() if site != "mad"}
    made = waves("phased", left, Options("web/shop", batch="100%", site_order=("mad", "ber", "sin"), fleet=FLEET))
    assert [wave.name for wave in made] == ["ber", "sin"]


@pytest.mark.parametrize(
    ("order", "code", "names"),
    [
        (("ber", "mad", "sin", "par"), "site-unknown", "par"),
        (("ber", "mad"), "site-missing", "sin"),
        (("ber", "mad", "sin", "ber"), "site-repeated", "ber"),
    ],
)
def test_an_order_that_is_not_of_these_sites_is_refused(order: tuple[str, ...], code: str, names: str) -> None:
    with pytest.raises(InputError) as caught:
        waves("phased", FLEET, Options("web/shop", site_order=order))
    assert caught.value.code == code
    assert f"site_order: {names}:" in caught.value.message and "ber, mad, sin" in caught.value.hint


@settings(max_examples=60, deadline=None)
@given(HOSTS, BATCHES)
def test_a_batch_of_each_site_takes_as_many_of_each_while_there_are_so_many(hosts: dict[str, str], batch: str) -> None:
    made = waves("rolling", hosts, Options("web/shop", batch=batch, batch_of="site"))
    of_sites = collections.Counter(hosts.values())
    for number, wave in enumerate(made):
        found = collections.Counter(hosts[host] for host in wave.hosts)
        for site, size in of_sites.items():
            share = size_of(batch, size)
            assert found[site] == max(0, min(share, size - number * share))


# --- bake ---


@pytest.mark.parametrize(
    ("strategy", "baked"),
    [
        ("big_bang", [True]),
        ("canary", [True, True]),
        ("rolling", [True, True]),
        ("phased", [False, True, False, True, False, True]),
    ],
)
def test_which_waves_bake(strategy: str, baked: list[bool]) -> None:
    options = Options("web/shop", batch="50%", bake=60.0)
    assert [wave.bake for wave in waves(strategy, FLEET, options)] == [60.0 if bakes else 0.0 for bakes in baked]
    assert {wave.bake for wave in waves(strategy, FLEET, dataclasses.replace(options, bake=0.0))} == {0.0}


def test_a_canary_in_parts_bakes_behind_the_last_of_them() -> None:
    made = waves("canary", FLEET, Options("web/shop", canary="4", largest=8, bake=60.0))
    assert [(wave.name, wave.bake) for wave in made] == [("canary", 60.0), ("rest-1", 0.0), ("rest-2", 60.0)]
    made = waves("canary", FLEET, Options("web/shop", canary="4", largest=2, bake=60.0))
    assert [wave.bake for wave in made[:3]] == [0.0, 60.0, 0.0]


@pytest.mark.parametrize(("budget", "hosts"), [("0", 0), ("3", 3), ("10%", 2), ("4%", 0), ("100%", 20), ("0%", 0)])
def test_a_budget_is_a_number_or_a_percentage_that_is_rounded_down(budget: str, hosts: int) -> None:
    assert budget_of(budget, 20) == hosts


@pytest.mark.parametrize("budget", ["", "-1", "1.5", "101%", "many", "1 %"])
def test_what_is_no_budget_is_refused(budget: str) -> None:
    with pytest.raises(InputError) as caught:
        budget_of(budget, 20)
    assert caught.value.code == "budget-malformed"
    assert "relmgmt_failure_budget" in str(caught.value)
    with pytest.raises(InputError) as caught:
        site_budgets_of(budget or "?", FLEET)
    assert caught.value.code == "budget-malformed"
    assert "relmgmt_site_budget" in str(caught.value)


def test_a_budget_of_sites_is_of_the_hosts_of_each() -> None:
    assert site_budgets_of("", FLEET) == {}
    assert site_budgets_of("2", FLEET) == {"ber": 2, "mad": 2, "sin": 2}
    assert site_budgets_of("25%", FLEET) == {"ber": 2, "mad": 1, "sin": 1}
    with pytest.raises(InputError) as caught:
        site_budgets_of("2", {**FLEET, "nowhere": ""})
    assert caught.value.code == "site-unset" and "nowhere" in caught.value.message
