"""`./ops/exec COMMAND…`: a command with the interpreter and the environment of the `./ops/run` in this checkout."""

from __future__ import annotations

import os
import sys

from sooner.local.run_environment import NotRunningError, read


def main() -> int:
    command = sys.argv[1:]
    if not command or not command[0]:
        print("usage: ./ops/exec COMMAND…, such as ./ops/exec python -m src.doctor", file=sys.stderr)
        return 2
    try:
        environment = {**os.environ, **read()}
        os.execvpe(command[0], command, environment)
    except NotRunningError as error:
        print(f"ops/exec: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # The error's own text names the last place that was looked at.
        print(f"ops/exec: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main())
