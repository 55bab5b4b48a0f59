"""Bringing a database to the newest schema."""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from models.errors import UnusableInput

if TYPE_CHECKING:
    from alembic.config import Config


@dataclass(frozen=True)
class Migrations:
    """The migrations in ``folder``; a database with the table ``own`` and no revision is somebody else's."""

    folder: Path
    own: str

    def upgrade(self, engine: Engine) -> None:
        """Apply the migrations that are missing, in one transaction.

        Errors: :class:`models.errors.UnusableInput` when the database is newer than this program or not ours.
        """
        shown = engine.url.render_as_string(hide_password=True)
        with engine.begin() as connection:
            current = revision(connection)
            if current == self.head():
                return
            if current is not None and current not in _known(self):
                raise UnusableInput(
                    f"The database {shown} has the schema {current}, which this morpholoop does not know; "
                    "use the newer version that wrote it."
                )
            if current is None and inspect(connection).has_table(self.own):
                raise UnusableInput(
                    f"The database {shown} has tables that morpholoop did not make; give another path or URL."
                )
            from alembic import command

            config = self.config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def head(self) -> str:
        """The newest schema that this program knows."""
        return _known(self)[0]

    def config(self) -> "Config":
        """What Alembic's commands ask for."""
        from alembic.config import Config

        # Alembic would write to what was standard output when it was imported, closed since, it may be.
        config = Config(stdout=sys.stdout)
        # A % in a path would be taken for an interpolation.
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        return config


LEDGER = Migrations(Path(__file__).parent, "campaign")


@cache
def _known(migrations: Migrations) -> tuple[str, ...]:
    """All revisions, the newest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(migrations.config())
    return tuple(script.revision for script in scripts.walk_revisions())


def revision(connection: Connection) -> str | None:
    """The schema that a database has; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
