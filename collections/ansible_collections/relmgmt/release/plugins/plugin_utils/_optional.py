# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way a third-party name is imported (private).

``ansible-test sanity --test import`` runs without the controller's libraries, and a verb that does not need a
library must
work without it. So a file says, under ``t.TYPE_CHECKING``, the real import, and else
``(Updater,) = optional("tuf.ngclient", "Updater", package="tuf")``.
"""

from __future__ import annotations

import importlib
import typing as t

from ..module_utils._model.errors import BackendError

__all__ = ["optional"]


def optional(module: str, *names: str, package: str) -> tuple[t.Any, ...]:
    """The named attributes of the module, or stand-ins that raise ``dependency-missing`` on first use.

    A stand-in is a class, so that it can be subclassed and named in an ``except``.
    """
    try:
        found = importlib.import_module(module)
    except ImportError as exc:
        return tuple(_stand_in(f"{module}.{name}", package, str(exc)) for name in names)
    return tuple(getattr(found, name) for name in names)


def missing(package: str, cause: str) -> BackendError:
    return BackendError(
        "dependency-missing",
        f"The Python package {package} cannot be imported on the controller ({cause})",
        hint=f"Install it for the Python that runs Ansible: python3 -m pip install {package}",
    )


def _stand_in(name: str, package: str, cause: str) -> t.Any:
    class Meta(type):
        def __getattr__(cls, attribute: str) -> t.Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            raise missing(package, cause)

    class Missing(Exception, metaclass=Meta):
        def __init__(self, *args: object, **kwargs: object) -> None:
            raise missing(package, cause)

    Missing.__name__ = Missing.__qualname__ = name
    return Missing
