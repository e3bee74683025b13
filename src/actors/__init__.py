"""A team's actors, one module each: `dramatiq src.actors` runs them beside the engine's own."""

from sooner.deployment.actors import load

broker = load(__name__)
