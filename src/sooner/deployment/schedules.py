"""The schedules of a deployment: the engine's own, the team's, and those of the packages that SCHEDULES names."""

from sooner.deployment.packages import further, import_modules
from sooner.periodic import Schedule


def load(package: str) -> dict[str, Schedule]:
    """Every declared schedule by its name; `package` holds the team's own.

    Raises ValueError for two schedules of one name, SystemExit(78) where SCHEDULES names a package that cannot be found.
    """
    packages = ("sooner.schedules", package, *further("SCHEDULES"))
    modules = [module for each in packages for module in import_modules(each)]
    # A module may import another's schedule: the same one is declared once.
    found = {
        id(each): each for module in modules for each in vars(module).values() if isinstance(each, Schedule)
    }
    named = {schedule.name: schedule for schedule in found.values()}
    if len(named) < len(found):
        raise ValueError("two schedules of one name")
    return named
