"""The web process's settings, checked alone: `python -m src.settings` exits 78 where one is wrong."""

from sooner.process.settings.check import main

if __name__ == "__main__":
    main()
