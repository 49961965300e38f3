# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sites
short_description: Sites, environments, hosts and the packages that each is to have
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Reads a file of sites, with their hosts, which are the configuration items. Or takes from the registry what it knows
    of hosts from the rollouts that they took part in.
  - >-
    Makes the groups C(site_<name>) below C(sites), C(env_<name>) below C(environments), and C(package_<team>_<app>)
    below C(packages). Letters other than C(a-z), digits and underscores become underscores.
  - Sets C(relmgmt_site) for the group of a site, C(relmgmt_environment) for that of an environment, and
    C(relmgmt_packages) for each host, as package → instance → version.
  - The file is checked as a whole before anything of it is taken. What is wrong is named by file and line.
notes:
  - >-
    The name of the file ends in C(.sites.yml) or C(.sites.yaml).
  - >-
    Text that looks like a template stays text, on every version of ansible-core, and a warning names its place.
    Templates belong into C(group_vars) and C(host_vars), which win over what stands in the file.
  - >-
    Ansible goes on without an inventory that it could not read, and only warns. Set C(any_unparsed_is_failed=true) in
    the section C([inventory]) of C(ansible.cfg), or E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED).
options:
  plugin:
    description: Says that the file is for this plugin.
    type: str
    required: true
    choices: [relmgmt.release.sites]
  packages:
    description:
      - The packages that there are, C(team/app). Others are refused everywhere else in the file.
      - With O(registry), only hosts that have met one of them are shown. If not given, all are.
    type: list
    elements: str
  environments:
    description:
      - >-
        The environments that there are: name → C(versions), a dictionary of package → version that hosts of the
        environment are to have, and C(vars), the variables of its group. Both can be left out.
      - With O(registry), only hosts of these are shown. If not given, all are.
    type: dict
  sites:
    description:
      - >-
        The sites: name → C(hosts), and what holds for all of them, C(environment), C(packages) and C(vars), the
        variables of the site's group.
      - >-
        C(hosts) is a dictionary of name → C(address), C(environment), C(packages), C(vars), all of which can be left
        out. What a host says replaces what its site says; of C(vars) each variable for itself.
      - >-
        C(packages) is a list of names; or a dictionary of name → version, or of name → instance → version. An empty
        version is that of the environment; if that says none either, the newest that is promoted there.
    type: dict
  vars:
    description: Variables of the group C(sites), which holds all hosts.
    type: dict
  registry:
    description:
      - >-
        Instead of O(sites): path of the SQLite file, or URL of the PostgreSQL database, to take hosts from. A relative
        path starts at the directory of the file. C(relmgmt_packages) then has the versions that they were last seen
        with.
      - If the key has no value, the environment variable E(RELMGMT_REGISTRY) of the controller decides, and last
        V(~/.local/share/relmgmt/registry.db).
    type: str
seealso:
  - module: relmgmt.release.cmdb_export
  - module: relmgmt.release.cmdb_import
"""

EXAMPLES = r"""
# fleet.sites.yml: two sites, one of them with a host that is still in staging
plugin: relmgmt.release.sites
packages: [calendar/radicale, docs/swagger-ui]
environments:
  prod:
    versions: {calendar/radicale: "3.8.3"}
  staging:
    versions: {calendar/radicale: "3.9.0"}
vars:
  ansible_user: deploy
sites:
  berlin:
    environment: prod
    packages: [calendar/radicale, docs/swagger-ui]
    hosts:
      berlin-1: {address: berlin-1.example.net}
      berlin-2: {address: berlin-2.example.net, environment: staging}
  madrid:
    environment: prod
    packages: [calendar/radicale]
    vars:
      ansible_port: 2222
    hosts:
      madrid-1:
      madrid-2:
        packages:
          calendar/radicale: {main: "3.8.3", sandbox: "3.9.0"}

# known.sites.yml: the hosts of production that the registry has met
# plugin: relmgmt.release.sites
# registry: postgresql://relmgmt@db.example.net/relmgmt
# environments: {prod: {}}
"""

import pathlib
import typing as t

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._model.errors import RelmgmtError
from ..plugin_utils._inventory import SUFFIXES, Fleet, fleet, groups, load, recorded, templates
from ..plugin_utils._registry import Registry, location
from ..plugin_utils._source import Source

__all__ = ["InventoryModule"]

SHOWN = 3  # places of values that look like templates


class InventoryModule(BaseInventoryPlugin):
    NAME = "relmgmt.release.sites"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(SUFFIXES)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """All of it or nothing: Ansible keeps what a plugin added before it failed."""
        super().parse(inventory, loader, path, cache)
        try:
            source = load(pathlib.Path(path).absolute())
            found = self._recorded(source) if "registry" in source.data else fleet(source, elsewhere=self._elsewhere())
            made = groups(found)
        except RelmgmtError as exc:
            raise AnsibleParserError(str(exc)) from None
        self._warn([source.place(*key) for key in templates(source.data)])
        for item in found.items:
            inventory.add_host(item.host)
            self._set(item.host, {**item.variables, "relmgmt_packages": item.packages})
        for name, group in made.items():
            inventory.add_group(name)
            self._set(name, group.variables)
            for member in group.hosts:
                inventory.add_host(member, group=name)
        for name, group in made.items():
            for child in group.children:
                inventory.add_child(name, child)

    def _warn(self, places: list[str]) -> None:
        more = f" (and {len(places) - SHOWN} more)" if len(places) > SHOWN else ""
        for number, place in enumerate(places[:SHOWN], 1):
            text = f"{place}: looks like a template and stays text; templates belong into group_vars"
            self.display.warning(text + more if number == SHOWN else text)

    def _set(self, entity: str, variables: t.Mapping[str, t.Any]) -> None:
        for name, value in variables.items():
            # ansible-core before 2.19 would take it for a template; ansible-inventory shows that it was wrapped.
            self.inventory.set_variable(entity, name, wrap_var(value) if templates(value) else value)

    def _elsewhere(self) -> dict[str, str]:
        """Host → site, as another file of this inventory has it."""
        named = {group.name: group.vars.get("relmgmt_site") for group in self.inventory.groups.values()}
        return {
            host.name: str(named[group.name])
            for host in self.inventory.hosts.values()
            for group in host.groups
            if group.name.startswith("site_") and named.get(group.name)
        }

    @staticmethod
    def _recorded(source: Source) -> Fleet:
        data = source.data
        if "sites" in data:
            hint = "Keep one of them; an inventory can have several files."
            raise source.error("sites-twice", "sites and registry are both there", "registry", hint=hint)
        place = data["registry"]
        if place and "://" not in place:
            place = str(source.directory / pathlib.Path(place).expanduser())
        with Registry.open(location({"registry": place}), write=False) as registry:
            choice = {name: data.get(name) for name in ("environments", "packages")}
            return recorded(registry.last_seen(), **choice, variables=data.get("vars"))
