"""`python -m sooner.db.upgrade`: upgrades the engine's schema at DATABASE_URL to the newest revision."""

from sooner.db.migrations import migrations


def main() -> None:
    """Run every missing revision."""
    from alembic.config import Config

    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(migrations()))
    command.upgrade(config, "head")


if __name__ == "__main__":
    main()
