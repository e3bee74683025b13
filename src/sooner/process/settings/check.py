"""A check of web's settings before uvicorn starts, which prints the value of uvicorn's `--host`.

The Procfile's web line runs it first: uvicorn with several processes restarts a process that exits again and again.
"""

import os
import sys

from sooner.process.settings import WebSettings, load
from sooner.process.settings.host import for_uvicorn


def main() -> None:
    """Print the value of uvicorn's `--host`. Raises SystemExit(78) after a line on standard error for each wrong setting."""
    settings = load(WebSettings)
    try:
        print(for_uvicorn(settings.host, settings.web_concurrency))
    except ValueError as error:
        print(f"HOST: {error}", file=sys.stderr)
        raise SystemExit(os.EX_CONFIG) from None
