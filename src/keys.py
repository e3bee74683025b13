"""API keys from the command line: `python -m src.keys create | list | revoke | secrets`."""

from sooner.cli.keys import main

if __name__ == "__main__":
    main()
