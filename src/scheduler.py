"""The scheduler process: `python -m src.scheduler`."""

from sooner.deployment.scheduler import run

if __name__ == "__main__":
    run("src")
