# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Show rollouts, what became of them, and who may roll out now
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Reads rollouts with their waves and deployments from the registry, the newest first.
  - Tells who holds the leases, without which nobody rolls out, and who held them.
  - Nothing is written. A registry that does not exist is an empty one.
  - Hosts are not asked. What became of one that a rollout lost sight of stands here once
    M(relmgmt.release.rollout_plan) has met it again.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  rollout:
    description:
      - Show the rollout of this id, and the leases of its package in its environment and instance. It is an error if
        there is none.
      - The other choices do not count then.
    type: str
  package:
    description: Show rollouts of this package only, C(team/app).
    type: str
  environment:
    description: Show rollouts to this environment only.
    type: str
  limit:
    description: Show at most this many rollouts, and this many entries of C(lease_history).
    type: int
    default: 20
  registry:
    description:
      - Path of the SQLite file, or URL of the PostgreSQL database.
      - If not given, the environment variable E(RELMGMT_REGISTRY) of the controller decides, and last
        V(~/.local/share/relmgmt/registry.db).
    type: str
seealso:
  - module: relmgmt.release.rollout_plan
  - module: relmgmt.release.rollout_close
"""

EXAMPLES = r"""
- name: See the last rollout to production
  relmgmt.release.rollout_info:
    package: calendar/radicale
    environment: prod
    limit: 1
  register: seen

- name: Name the hosts that are not on the new version
  ansible.builtin.debug:
    msg: "{{ seen.rollouts[0].deployments | rejectattr('outcome', 'eq', 'confirmed') | map(attribute='host') }}"
"""

RETURN = r"""
rollouts:
  description: The rollouts, the newest first. Times are UTC.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the rollout; ids sort by time.
      type: str
      sample: 20261121T103000Z-3f9a
    kind:
      description: V(rollout), V(rollback), V(rehearsal) or V(rotation).
      type: str
      sample: rollout
    package:
      description: Name of the package.
      type: str
      sample: calendar/radicale
    version:
      description: Version that the hosts were to have.
      type: str
      sample: 3.9.0
    digest:
      description: Digest of the package's manifest.
      type: str
      sample: sha256:9a...
    environment:
      description: Environment that it went to.
      type: str
      sample: prod
    instance:
      description: Instance of the package on the hosts.
      type: str
      sample: main
    strategy:
      description: How hosts were made into waves.
      type: str
      sample: canary
    plan:
      description: The plan, as it was made.
      type: dict
    token:
      description: Fencing token of the job that was last at work on it.
      type: int
      sample: 1795257000
    started:
      description: When it began.
      type: str
      sample: "2026-11-21T10:30:00.000000Z"
    finished:
      description: When it ended; null while it has not.
      type: str
      sample: "2026-11-21T10:41:12.000000Z"
    seconds:
      description: How long it took; null while it has not ended.
      type: float
      sample: 672.0
    result:
      description:
        - V(running), V(succeeded), V(failed), V(stopped), or V(frozen) where it stopped behind a point of no return.
      type: str
      sample: succeeded
    reason:
      description: Why it ended so.
      type: str
      sample: ""
    waves:
      description: The waves that have begun, in their order.
      type: list
      elements: dict
      contains:
        index:
          description: Place in the order, from 0.
          type: int
        name:
          description: Name of the wave; of a rehearsal, the name of the phase.
          type: str
          sample: canary
        hosts:
          description: Its hosts.
          type: list
          elements: str
        started:
          description: When it began.
          type: str
        finished:
          description: When its verdict fell; null while it has none.
          type: str
        seconds:
          description: How long it took; null while it has no verdict.
          type: float
          sample: 41.5
        verdict:
          description: V(continue), V(pause), V(revert_wave) or V(revert_all); empty while there is none.
          type: str
          sample: continue
        reason:
          description: Why the verdict is so.
          type: str
    by:
      description: Who began it; empty where nobody said.
      type: str
      sample: ann
    orders:
      description: What people asked of it while it ran, in the order in which they did.
      type: list
      elements: dict
      contains:
        number:
          description: Counts from 1.
          type: int
        kind:
          description: V(pause), V(resume) or V(revert).
          type: str
          sample: pause
        by:
          description: Who asked.
          type: str
          sample: ann
        reason:
          description: Why.
          type: str
        given:
          description: When.
          type: str
    migrations:
      description: What was done to databases, in the order in which it was begun.
      type: list
      elements: dict
      contains:
        database:
          description: Id of the database, as C(relmgmt_databases) of the inventory names it.
          type: str
          sample: pg-a/calendar
        phase:
          description: V(before) the first wave, V(after) the last one, or V(undo) when hosts went back.
          type: str
          sample: before
        host:
          description: The host that ran the commands.
          type: str
          sample: ci-ber-01
        started:
          description: When it began.
          type: str
        finished:
          description: When it ended; null while nobody knows that it has.
          type: str
        outcome:
          description: V(migrated) or V(failed); V(unreachable) or V(unknown) where nobody knows; empty while it runs.
          type: str
          sample: migrated
        version:
          description: Version of the schema afterwards; null where nobody knows.
          type: str
          sample: 5e6f
        reason:
          description: Why, where there is something to say.
          type: str
    deployments:
      description: What became of the hosts, by name.
      type: list
      elements: dict
      contains:
        host:
          description: Name in the inventory.
          type: str
          sample: ci-ber-01
        site:
          description: Site that it stands at.
          type: str
          sample: ber
        wave:
          description: Index of its wave; null for a host outside of all waves.
          type: int
        version_before:
          description: Version that it had.
          type: str
          sample: 3.8.3
        version_after:
          description: Version that it has.
          type: str
          sample: 3.9.0
        deployment:
          description: The host's number of the deployment; 0 if there is none.
          type: int
        release:
          description: Digest of the release.
          type: str
        profile:
          description: Digest of the profile.
          type: str
        cause:
          description: What a failure speaks against, V(release) or V(host), where the host said so; else empty.
          type: str
        outcome:
          description: V(staged), V(provisional), V(confirmed), V(reverted), V(failed), V(unreachable) or V(unknown).
          type: str
          sample: confirmed
        reason:
          description: Why, where there is something to say.
          type: str
        updated:
          description: When this was recorded.
          type: str
holders:
  description:
    - Who holds leases on the chosen packages and environments. One lease may have several holders, which then work on
      other hosts of the same rollout.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: Name of the package.
      type: str
      sample: calendar/radicale
    environment:
      description: The environment.
      type: str
      sample: prod
    instance:
      description: Instance of the package on the hosts.
      type: str
      sample: main
    token:
      description: Fencing token of the lease. Hosts refuse who holds a smaller one than they saw.
      type: int
      sample: 1795257000
    holder:
      description: The run that holds it, for people.
      type: str
      sample: process 4711 on ctl-1
    host:
      description: The controller that the run is on.
      type: str
      sample: ctl-1
    pid:
      description: Number of its process there.
      type: int
      sample: 4711
    joined:
      description: Since when it holds the lease.
      type: str
      sample: "2026-11-21T10:30:00.000000Z"
    renewed:
      description: Its last sign of life.
      type: str
      sample: "2026-11-21T10:41:00.000000Z"
    expires:
      description: When it does not hold it any more unless there is another sign of life.
      type: str
      sample: "2026-11-21T10:43:00.000000Z"
    gone:
      description: >-
        Empty while it holds the lease; V(died) or V(expired) where the next that wants the lease gets it.
      type: str
      sample: ""
lease_history:
  description: Who held such leases, and how that ended; the latest end first.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: Name of the package.
      type: str
      sample: calendar/radicale
    environment:
      description: The environment.
      type: str
      sample: prod
    instance:
      description: Instance of the package on the hosts.
      type: str
      sample: main
    token:
      description: Fencing token of the lease.
      type: int
      sample: 1795257000
    holder:
      description: Who held it.
      type: str
      sample: process 4711 on ctl-1
    joined:
      description: From when.
      type: str
      sample: "2026-11-21T10:30:00.000000Z"
    ended:
      description: Until when it was on record.
      type: str
      sample: "2026-11-21T10:41:12.000000Z"
    how:
      description: >-
        V(released) by itself; V(died) where its process was gone; V(expired) without a sign of life; V(taken-over) by
        the same run, which began anew.
      type: str
      sample: released
    by:
      description: Who wrote that - the holder itself, or who took the lease over.
      type: str
      sample: process 4711 on ctl-1
"""
