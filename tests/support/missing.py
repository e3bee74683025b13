"""What a machine may lack, but in CI."""

from __future__ import annotations

import os

import pytest


def missing(what: str) -> None:
    """Skips the test for something that this machine lacks; in CI nothing may be lacking."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
