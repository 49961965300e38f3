# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: secret
short_description: A secret by the reference that names its place
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Reads secrets by the same references as C(relmgmt_secrets), for tasks of your own beside a rollout, such as the
    login of a load balancer.
  - >-
    Between the plan and the end of a rollout, preview or rehearsal of the same playbook run, a secret that the plan
    has read comes from there, in the same version, and the store is not asked again.
  - Everything else is read from its store, once in each process of Ansible, with a login that is given back.
  - What it returns is text, and never a template, whatever it looks like.
  - Credentials that a store makes anew for each request, and leases, are given within a run alone, which keeps them
    alive and gives them back.
notes:
  - >-
    A task that is given a secret shows it with C(-vvv) and in callbacks, unless the option is known to be secret or
    the task says C(no_log=true). Registered results and C(set_fact) keep it; a fact cache writes it to disk.
  - >-
    What a package needs belongs into C(relmgmt_secrets), as a reference. A rollout whose C(relmgmt_config) holds a
    secret, looked up or not, is refused (C(config-holds-secret)): plain values are shown, compared and recorded. A
    secret that C(set_fact) or C(register) kept in an earlier task, or that a filter changed beyond base64 and quoting,
    is found only if the package's own secrets hold it too and it is long.
options:
  _terms:
    description:
      - References, C(scheme:place#key@version). Key and version can be left out where the store allows it.
      - Schemes are C(ansible-vault), C(aws-sm), C(env) and C(vault). Relative paths start at the playbook.
    type: list
    elements: str
    required: true
  stores:
    description:
      - Settings of the stores, a dictionary of scheme → settings, for what is read from its store.
    type: raw
    default: {}
    vars:
      - name: relmgmt_secret_stores
seealso:
  - module: relmgmt.release.rollout_plan
"""

EXAMPLES = r"""
- name: Tell the load balancer
  ansible.builtin.uri:
    url: https://lb.example.net/drain
    url_username: release
    url_password: "{{ lookup('relmgmt.release.secret', 'vault:kv/lb#password') }}"
  no_log: true

- name: Two at once, from AWS Secrets Manager in another region
  ansible.builtin.include_role:
    name: smoke
  vars:
    smoke_login: >-
      {{ query('relmgmt.release.secret', 'aws-sm:prod/shop#user', 'aws-sm:prod/shop#password',
               stores={'aws-sm': {'region': 'eu-west-1'}}) }}
"""

RETURN = r"""
_raw:
  description: The secrets, in the order of the terms.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._model.digest import canonical, digest_of
from ..module_utils._model.errors import RelmgmtError
from ..plugin_utils._access import access_of
from ..plugin_utils._action import plain
from ..plugin_utils._holder import Holder
from ..plugin_utils._run_directory import read_secrets
from ..plugin_utils._secrets import Providers, Secret, hand_out, parse, read_stores, resolve

__all__ = ["LookupModule"]


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """The secrets; the causes are not chained, since a library's text may quote them."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            stores = read_stores(plain(self.get_option("stores")))
            references = [str(parse(plain(term), where="relmgmt.release.secret")) for term in terms]
            found = hand_out(references, store=digest_of(canonical(stores)), read=lambda new: self._read(new, stores))
        except RelmgmtError as exc:
            raise AnsibleLookupError(f"{exc.code}: {exc}") from None
        return [wrap_var(secret.value) for secret in found]

    def _read(self, references: list[str], stores: dict[str, t.Any]) -> dict[str, Secret]:
        """What the run has read already, and the rest from its stores.

        Raises:
            RelmgmtError: it cannot be read.
        """
        # A lookup works in the playbook's process or, as most do, in a child of it.
        found = read_secrets({Holder.of(), Holder.run()}, stores)
        rest = [reference for reference in references if reference not in found]
        with Providers(access_of(self._loader, stores)) as providers:
            return {**found, **resolve(rest, providers=providers)}
