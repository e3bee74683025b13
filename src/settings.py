"""The web process's settings, checked alone: `python -m src.settings` prints uvicorn's `--host`, or exits 78."""

from sooner.process.settings.check import main

if __name__ == "__main__":
    main()
