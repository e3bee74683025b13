"""The suite's real parts: PostgreSQL, processes, keys."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
