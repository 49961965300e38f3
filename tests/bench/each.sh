#!/usr/bin/env bash
# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run a command on all hosts at once: each.sh STANDARD-INPUT COMMAND ADDRESS... -- LOGIN...
set -euo pipefail
input=$1 command=$2
shift 2
addresses=()
while [[ $1 != -- ]]; do addresses+=("$1"); shift; done
shift
pids=()
for address in "${addresses[@]}"; do "$@" "$address" "$command" <"$input" & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid"; done
