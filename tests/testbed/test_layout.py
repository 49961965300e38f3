# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, sites and addresses; no host is made here."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.testbed.errors import BedError
from tests.testbed.layout import SITES, Layout


@pytest.mark.parametrize("count", [1, 2, 3, 20, 61])
def test_numbered_hosts_stand_at_all_sites_each_with_an_address_of_its_own(count: int) -> None:
    layout = Layout.of(count, name="bed", network="10.77")
    assert [place.name for place in layout.places] == [f"h{number}" for number in range(1, count + 1)]
    assert len({place.address for place in layout.places}) == count
    assert len(layout.sites) == min(count, len(SITES))
    assert all(place.address.rpartition(".")[0] == place.gateway.rpartition(".")[0] for place in layout.places)


def test_a_layout_comes_back_from_what_was_written_of_it() -> None:
    layout = Layout.of({"lb": "edge", "berlin-1": "berlin", "berlin-2": "berlin"}, name="e2e", network="10.80")
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"hosts": 0}, "hosts-malformed"),
        ({"hosts": {}}, "hosts-malformed"),
        ({"hosts": {"a b": "berlin"}}, "hosts-malformed"),
        ({"hosts": {"-a": "berlin"}}, "hosts-malformed"),
        ({"hosts": {f"h{n}": "berlin" for n in range(241)}}, "hosts-malformed"),
        ({"name": "Bed"}, "name-malformed"),
        ({"name": "a-very-long-name"}, "name-malformed"),
        ({"name": "../bed"}, "name-malformed"),
        ({"network": "10.777"}, "network-malformed"),
        ({"network": "10"}, "network-malformed"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_code(request_: dict[str, t.Any], code: str) -> None:
    with pytest.raises(BedError) as caught:
        Layout.of(**{"hosts": 3, "name": "bed", "network": "10.77", **request_})
    assert caught.value.code == code
