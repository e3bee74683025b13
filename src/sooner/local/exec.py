"""`./ops/exec COMMAND…`: a command with the interpreter and the environment of the `./ops/run` in this checkout."""

from __future__ import annotations

import os
import sys

from sooner.local.run_environment import NotRunningError, read


def main() -> int:
    command = sys.argv[1:]
    if not command:
        print("usage: ./ops/exec COMMAND…, such as ./ops/exec python -m src.doctor", file=sys.stderr)
        return 2
    try:
        environment = {**os.environ, **read()}
        os.execvpe(command[0], command, environment)
    except (NotRunningError, OSError) as error:
        print(f"ops/exec: {error}", file=sys.stderr)
        return 127 if isinstance(error, OSError) else 1


if __name__ == "__main__":
    sys.exit(main())
