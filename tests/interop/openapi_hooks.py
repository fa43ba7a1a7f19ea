"""What Schemathesis must not do: end its own permissions."""

from __future__ import annotations

import os
from typing import Any

import schemathesis

OWN = os.environ["EXAMINER"].split(",")


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leaves out changes of the application that asks: whatever came after would be refused."""
    named = str(case.path_parameters) + str(case.body)
    return case.method == "GET" or not any(own in named for own in OWN)
