# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_plan
short_description: Plan a rollout, rollback or rehearsal
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Decides which hosts take part in which wave, fetches and verifies the package, checks the configuration of all
    hosts against the package's schema, reads the secrets, renders all profiles, and takes the lease. A process beside
    the run renews it from then on, and ends with the run.
  - >-
    A secret is read once, whatever the number of hosts, with one login a store. A plan that goes on keeps the versions
    of its secrets where the store has them still. What is leased is renewed by a process beside the run, and given back
    when it ends; in check mode nothing is leased, and what would be is told.
  - >-
    No host is touched. What forbids the rollout on any host is found here and told for all hosts at once.
  - >-
    A rollout of the same package to the same hosts that was interrupted keeps its identity and its waves.
  - >-
    What the registry says of hosts that an earlier rollout lost sight of is put right, from what they say now. What an
    earlier job of the same user could not record is recorded first.
  - >-
    What was paused, or is to go back, is refused (C(rollout-paused), C(rollout-reverting)). So is an open rollout that
    is older than the promotion of its package (C(plan-stale)), or whose hosts are not those of now
    (C(plan-hosts-changed)), and a machine that stands in the inventory under two names (C(host-repeated)).
  - >-
    A rollout to production is refused while a host would go a way, from what it runs to the new release, of which no
    valid rehearsal is in the registry. What is refused is told by the way, with the command that rehearses it.
  - >-
    Run it once, after M(relmgmt.release.host_info) on every host. The playbooks C(relmgmt.release.rollout),
    C(relmgmt.release.rollback) and C(relmgmt.release.rehearse) do.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.secrets
options:
  kind:
    description:
      - V(rollout) brings a version from the DML.
      - V(rollback) goes back to a version that the hosts still hold and needs no DML.
      - V(rehearsal) brings a version to hosts that are well and stand on another one, to go back again.
      - >-
        V(revert) takes back what an open rollout has brought, after somebody has ordered that
        (M(relmgmt.release.rollout_order)). It needs no DML either, and RV(verdict) says who goes back with whom.
    type: str
    choices: [rollout, rollback, rehearsal, revert]
    default: rollout
  package:
    description: Name of the package, C(team/app).
    type: str
    required: true
  version:
    description: The version; empty for the newest that is promoted to the environment. A rollback has to name it.
    type: str
    default: ""
  environment:
    description: The environment that the package has to be promoted to.
    type: str
    required: true
  instance:
    description: Name of the instance on the hosts.
    type: str
    default: main
  hosts:
    description: The hosts that are to take part.
    type: list
    elements: str
    required: true
  infos:
    description: Name of the variable that the hosts' results of M(relmgmt.release.host_info) are registered in.
    type: str
    required: true
  strategy:
    description:
      - V(big_bang) switches all hosts together. V(canary) switches O(canary) hosts first, then the rest. V(rolling)
        switches O(batch) hosts after another. V(phased) goes from site to site, in batches of O(batch) hosts.
      - The variable C(relmgmt_site) of the hosts names their site.
    type: str
    choices: [big_bang, canary, phased, rolling]
    default: canary
  canary:
    description:
      - How many hosts go first, as a number, or as a percentage of all O(hosts), rounded down; one that comes to no
        host is refused.
      - Which ones depends on the names of host and package.
    type: str
    default: "1"
  canary_hosts:
    description: The hosts that go first, by name, instead of O(canary) that are chosen.
    type: list
    elements: str
    default: []
  batch:
    description:
      - How many hosts V(rolling) and V(phased) switch together, as a number such as V(4), or as a percentage such as
        V(25%).
      - The percentage is of the hosts that are to be switched, rounded down, but at least one host.
    type: str
    default: 25%
  batch_of:
    description:
      - What O(batch) is meant of with V(rolling). With V(all) a batch is so many hosts over all sites, about the same
        share of each. With V(site) it is so many of each site.
      - With V(phased) it is always meant of the site.
    type: str
    choices: [all, site]
    default: all
  site_order:
    description: In which order V(phased) takes the sites; each of them, once. By default it depends on the names of
      sites and package.
    type: list
    elements: str
    default: []
  bake:
    description:
      - Seconds that a wave has to stay healthy, when it is confirmed, before the next one is switched. Its hosts are
        asked and judged once more then.
      - V(rolling) bakes each wave, V(canary) the canary, V(phased) the last wave of each site. The last wave of all
        bakes too.
    type: float
    default: 0.0
  on_failure:
    description: What the verdict is when O(failure_budget), O(release_budget) or O(site_budget) is exceeded.
    type: str
    choices: [pause, revert_wave, revert_all]
    default: revert_all
  failure_budget:
    description:
      - How many hosts may be sick and left out, over the whole rollout, as a number or as a percentage of all hosts
        that are asked for, rounded down.
      - A host is sick if what went wrong is its own. It is out of reach, its disk is full, it is in use by somebody
        else, what it holds is damaged, it was broken before. Where another try may help, it is asked once more.
      - A wave of which no host is well stops the rollout whatever the budgets are.
    type: str
    default: "0"
  release_budget:
    description:
      - How many hosts may speak against the release, said as O(failure_budget) is. They started it, found it unhealthy
        and went back; or it fell after that.
      - The rollout stops as soon as there are more.
    type: str
    default: "0"
  site_budget:
    description:
      - How many hosts of a site may be sick or speak against the release, together, said as O(failure_budget) is, of
        the hosts of each site. It does not widen the budgets over the whole rollout.
      - Empty for no limit of its own.
    type: str
    default: ""
  confirm_timeout:
    description:
      - Seconds within which hosts have to be confirmed; then they go back by themselves.
      - V(0) leaves it to the plan, twice what waves of the package took before, and at least C(health.confirm_timeout)
        of the release.
      - Where a time that is given here, or C(health.progress_deadline), is too short for that, waves are made smaller
        until they fit; the summary says so. The plan warns where not even the smallest would.
    type: float
    default: 0.0
  adopt:
    description: Whether hosts may stop what they run already and the release names in C(adopts); see
      M(relmgmt.release.release_stage).
    type: bool
    default: false
  point_of_no_return:
    description:
      - The version, if somebody answers for those of its steps on databases that nothing takes back.
      - Where one comes before the first wave, the rollout is refused without it. A C(contract) without it is left for a
        later run of the same rollout.
    type: str
    default: ""
  point_of_no_return_reason:
    description: Why, for the record; an approval without a reason is refused.
    type: str
    default: ""
  migration_lost:
    description:
      - A host on which a migration was begun, of which nobody knows what came of it, and of which it is certain that
        nothing of it runs any more. Another host goes on with it then.
      - Without it, a rollout that would migrate the same database is refused until that host answers.
    type: str
    default: ""
  secrets_down:
    description:
      - What holds where the store of a secret does not answer, and the package does not say so of the secret itself.
      - V(fail) begins nothing. With V(previous) each host keeps the files that hold it, as far as what runs there
        proves that nothing else in them changes; else it is refused there.
    type: str
    choices: [fail, previous]
    default: fail
  rollout:
    description:
      - The id of an open rollout to go on with, as it was planned. Version, waves, strategy and budgets are its own.
      - >-
        O(hosts) may be some of its hosts then, by C(--limit) or because an AWX job slice has no others. The job takes
        them through the waves together with the jobs that have the others; a host can be in one job at a time.
      - V(new) is no id. It plans anew, and closes an open rollout as superseded.
      - Without it, an open rollout of the same release to the same hosts is gone on with.
    type: str
    default: ""
  join_seconds:
    description:
      - How many seconds a job with some of the hosts waits for the jobs with the others, at each step.
      - Then it stops, with the names of the hosts that are missing; the rollout stays open.
    type: float
    default: 900.0
  by:
    description: Who begins it, for the record; by default the login name of the user who runs Ansible.
    type: str
    default: ""
  rehearsal:
    description:
      - What a rollout to one of the environments in O(production) asks for. Rollbacks, and what was begun before, are
        not asked.
      - V(required) refuses it while any host would go a way that was not rehearsed.
      - V(leave_out) leaves such hosts as they are and names them; it refuses if no other host is left.
      - V(waived) lets them go. O(rehearsal_reason) is kept in the plan, in the registry, and shown.
    type: str
    choices: [required, leave_out, waived]
    default: required
  rehearsal_reason:
    description: Why the rehearsal is waived.
    type: str
    default: ""
  rehearsal_days:
    description: For how many days a rehearsal counts.
    type: int
    default: 90
  rehearsal_environment:
    description: V(any) takes a rehearsal from every environment, V(same) only from the one that is rolled out to.
    type: str
    choices: [any, same]
    default: any
  production:
    description: The environments that ask for rehearsals.
    type: list
    elements: str
    default: [prod, production]
  registry:
    description: Path or database URL of the registry. Environment form E(RELMGMT_REGISTRY).
    type: str
    default: ""
  dml:
    description: Directory of the DML. Environment form E(RELMGMT_DML).
    type: str
    default: ""
  trusted_root:
    description: File with the root that the DML's signatures are verified against. Environment form
      E(RELMGMT_TRUSTED_ROOT).
    type: str
    default: ""
  cache:
    description: Directory for fetched packages. Environment form E(RELMGMT_CACHE).
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Plan
  relmgmt.release.rollout_plan:
    package: calendar/radicale
    version: 3.9.0
    environment: prod
    hosts: "{{ ansible_play_hosts_all }}"
    infos: found
  run_once: true
  delegate_to: localhost
  register: planned
"""

RETURN = r"""
rollout:
  description:
    - The plan. C(waves) is empty when every host already is where the rollout leads.
    - Of a wave, C(bake) is for how many seconds it bakes, C(site) its only site where the strategy goes site by site.
    - C(shaped) says why waves are smaller than was asked for; else it is empty.
    - C(databases) are those whose schema the release changes, C(approval) says who answers for what cannot be undone.
    - C(rehearsal) names the ways that hosts go, with the rehearsal that was found for each, or that it was waived.
    - C(order) and C(batches) are made for the C(hosts) and C(serial) of a play; they have the job's own hosts alone.
    - C(job) says which hosts those are, C(shared) whether there are others.
    - C(fallbacks) tells of each host which secrets could not be read, by name, and what takes their place.
  returned: success
  type: dict
  sample:
    id: 20261121T103000Z-3f9a
    kind: rollout
    package: calendar/radicale
    version: 3.9.0
    waves: [{index: 1, name: canary, hosts: [ci-ber-01], site: "", bake: 0.0}]
    order: [ci-ber-01]
    batches: [1]
    fallbacks: {}
verdict:
  description:
    - The verdict to begin with. It is V(continue), but for O(kind=revert) with V(revert_all) and, in C(order) and
      C(batches), those that go back.
  returned: success
  type: dict
  sample: {verdict: continue, reason: "", failed: {}}
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "rollout of calendar/radicale 3.9.0 to prod: 20 hosts; waves: canary 1 (madrid-3), rest 19"
tasks:
  description: For every host, what its steps of the rollout need to know; small, where the plan grows with the fleet.
  returned: success
  type: dict
  sample:
    ci-ber-01:
      action: deploy
      fallback: [/home/release/.cache/relmgmt/packages/51d3]
      fence: {registry: 0f5c, token: 7}
      id: 20261121T103000Z-3f9a
      instance: main
      package: calendar/radicale
      profile: /run/user/1000/relmgmt-1000/20261121T103000Z-3f9a/profiles/63.json
      root: /srv/relmgmt
      source: /home/release/.cache/relmgmt/packages/9a0c
      transfer: /home/release/.cache/relmgmt/transfers/77d1.tar.gz
      version: 3.9.0
"""
