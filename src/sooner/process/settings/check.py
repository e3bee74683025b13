"""The web process's settings, checked alone, and what uvicorn is to be told of them.

The Procfile's web line asks this first: uvicorn with several processes starts each anew that exits, again and again.
"""

import os
import sys

from sooner.process.settings import WebSettings, load
from sooner.process.settings.host import for_uvicorn


def main() -> None:
    """Prints the value of uvicorn's `--host`. Raises SystemExit(78) after a line an offender on standard error."""
    settings = load(WebSettings)
    try:
        print(for_uvicorn(settings.host, settings.web_concurrency))
    except ValueError as error:
        print(f"HOST: {error}", file=sys.stderr)
        raise SystemExit(os.EX_CONFIG) from None
