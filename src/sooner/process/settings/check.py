"""The web process's settings, checked alone.

The Procfile's web line asks this first: uvicorn with several processes starts each anew that exits, again and again.
"""

from sooner.process.settings import WebSettings, load


def main() -> None:
    """Raises SystemExit(78) after a line an offender on standard error."""
    load(WebSettings)
