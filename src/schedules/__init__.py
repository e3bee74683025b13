"""A team's schedules, one module each. A schedule names its actor: the scheduler imports no actor's body."""

from sooner.deployment.schedules import load

declared = load(__name__)
