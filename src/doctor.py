"""What is wrong with a deployment, from the command line: `python -m src.doctor`."""

from sooner.cli.doctor.command import main

if __name__ == "__main__":
    main()
