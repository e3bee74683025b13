"""The schedules of a deployment: the engine's, the team's, and the schedules of the packages in SCHEDULES."""

from collections import Counter

from sooner.deployment.packages import further, import_modules
from sooner.periodic import Schedule


def load(package: str) -> dict[str, Schedule]:
    """All schedules of the deployment by name; `package` holds the team's.

    Raises ValueError for two schedules of one name, SystemExit(78) where SCHEDULES names a package that cannot be found.
    """
    packages = ("sooner.schedules", package, *further("SCHEDULES"))
    modules = [module for each in packages for module in import_modules(each)]
    # A module may import a schedule of another module, which is still one declaration.
    found = {
        id(each): each for module in modules for each in vars(module).values() if isinstance(each, Schedule)
    }
    names = Counter(schedule.name for schedule in found.values())
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"there are two schedules {twice[0]}: give one of them another name")
    return {schedule.name: schedule for schedule in found.values()}
