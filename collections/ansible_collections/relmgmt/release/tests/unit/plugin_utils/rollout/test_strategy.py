# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import STRATEGIES, waves

HOSTS = st.lists(st.text("abc0-", min_size=1, max_size=4), max_size=12)
NAMES = st.sampled_from(sorted(STRATEGIES))
PACKAGES = st.sampled_from(["web/shop", "calendar/radicale", "a/b"])


@settings(max_examples=60, deadline=None)
@given(NAMES, HOSTS, PACKAGES, st.integers(1, 15))
def test_every_host_is_in_one_wave_and_no_wave_is_empty(name: str, hosts: list[str], package: str, canary: int) -> None:
    made = waves(name, hosts, package=package, canary=canary)
    assert sorted(host for wave in made for host in wave.hosts) == sorted(set(hosts))
    assert all(wave.hosts for wave in made)
    assert [wave.index for wave in made] == list(range(1, len(made) + 1))


@settings(max_examples=60, deadline=None)
@given(NAMES, HOSTS, PACKAGES, st.randoms(use_true_random=False))
def test_the_order_in_which_hosts_are_named_changes_nothing(
    name: str, hosts: list[str], package: str, dice: object
) -> None:
    shuffled = list(hosts)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis does not name the type of its generator
    assert waves(name, shuffled, package=package) == waves(name, hosts, package=package)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.text("abc0-", min_size=1, max_size=4), min_size=1, max_size=12), st.integers(1, 15))
def test_a_canary_has_the_size_that_was_asked_for(hosts: set[str], canary: int) -> None:
    first, *rest = waves("canary", hosts, package="web/shop", canary=canary)
    assert (first.name, len(first.hosts)) == ("canary", min(canary, len(hosts)))
    assert [wave.name for wave in rest] == (["rest"] if len(hosts) > canary else [])


def test_a_host_that_joins_takes_at_most_one_place_in_the_canary() -> None:
    before = set(waves("canary", "abcdefgh", package="web/shop", canary=3)[0].hosts)
    after = set(waves("canary", "abcdefghi", package="web/shop", canary=3)[0].hosts)
    assert len(before & after) >= 2


def test_it_is_not_always_the_same_host_that_goes_first() -> None:
    hosts = [f"ci-{number:02}" for number in range(20)]
    first = [waves("canary", hosts, package=f"team/app{number}")[0].hosts[0] for number in range(100)]
    assert len(set(first)) >= 15
    assert max(first.count(host) for host in first) <= 15


def test_big_bang_is_one_wave() -> None:
    assert [(wave.name, wave.hosts) for wave in waves("big_bang", ["b", "a"], package="a/b")] == [("all", ("a", "b"))]


@pytest.mark.parametrize(
    ("name", "canary", "code"),
    [("rolling", 1, "strategy-unknown"), ("canary", 0, "canary-empty"), ("canary", -1, "canary-empty")],
)
def test_what_is_no_strategy_is_refused(name: str, canary: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        waves(name, ["a"], package="a/b", canary=canary)
    assert caught.value.code == code
