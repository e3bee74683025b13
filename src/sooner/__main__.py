"""`python -m sooner`."""

from sooner.cli.main import main

if __name__ == "__main__":
    main()
