# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Python runs first where this directory is on PYTHONPATH: the tracer, on a controller that is to be watched."""

from __future__ import annotations

import importlib
import os
import pathlib

if os.environ.get("RELMGMT_FAULTS"):
    tracer = importlib.import_module("relmgmt_tracer")
    tracer.Tracer(tracer.CONTROLLER, tracer.Hold(pathlib.Path(os.environ["RELMGMT_FAULTS"]))).attach()
