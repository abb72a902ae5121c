"""What a migration may do: for some minutes the release before it runs on the migrated database, and must not notice.

So a change comes in steps: a release that adds (expand), one that moves over (migrate), one that takes away.
`refusals` reads what migrations do, not what they mean: one that has a reason says it, `# both releases: why`.
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.contrib.postgres import operations as postgres
from django.db import migrations
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

OURS = {"conditions", "listening", "publishing", "signing_in", "translating"}
# The last migrations from before there was this rule: whoever runs them stops the old release first.
BEFORE_THE_RULE = {
    ("conditions", "0009_arrivals"),
    ("listening", "0001_from_readers"),
    ("publishing", "0006_codes_of_pages"),
    ("translating", "0001_translators_desk"),
}
REASON = re.compile(r"# both releases: \w+")

_POSTGRESQL = DatabaseWrapper({})  # never opened: it knows the types of columns, whatever this portal runs on

_HARMLESS = (
    migrations.CreateModel,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    postgres.AddIndexConcurrently,
    postgres.RemoveIndexConcurrently,
    postgres.AddConstraintNotValid,
)
_SAID = {
    migrations.RemoveField: "takes away a column that the release before reads. Stop using it in this release, and "
    "remove it in the next.",
    migrations.DeleteModel: "takes away a table that the release before reads. Stop using it in this release, and "
    "delete it in the next.",
    migrations.RenameField: "renames a column that the release before reads. Keep its name with db_column, or add a "
    "new one and copy.",
    migrations.RenameModel: "renames a table that the release before reads. Keep its name with db_table, or add a new "
    "one and copy.",
    migrations.AlterModelTable: "renames a table that the release before reads. Keep its name with db_table.",
    migrations.AddConstraint: "holds the release before to a rule that it does not know, and lets nobody write while "
    "the table is read. Write by the rule in this release, and add the constraint in the next.",
    migrations.AlterUniqueTogether: "holds the release before to a rule that it does not know. Write by the rule in "
    "this release, and add the constraint in the next.",
    migrations.AlterOrderWithRespectTo: "adds a column that the release before does not fill. Add one that may be "
    "empty.",
    migrations.AddIndex: "lets nobody write while the index is made. Use portal.migrating.AddIndexConcurrently, with "
    "atomic = False.",
    migrations.RunPython: "runs code that cannot be looked into. See that the release before can read and write what "
    "it leaves, and say so.",
    migrations.RunSQL: "runs SQL that cannot be looked into. See that the release before can read and write what it "
    "leaves, and that it locks nothing for long, and say so.",
}


class AddIndexConcurrently(postgres.AddIndexConcurrently):
    """While people write, on PostgreSQL; SQLite makes its index at once."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)


def refusals(loader: MigrationLoader, names: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Of these migrations, a sentence for everything that the release before could not live with."""
    for app, name in names:
        migration = loader.get_migration(app, name)
        source = Path(inspect.getfile(sys.modules[migration.__module__])).read_text()
        if not REASON.search(source):
            state = loader.project_state((app, name), at_end=False)
            for what, why in _of_migration(migration, state):
                yield f"{app}.{name}, “{what}”: {why}"


def _of_migration(migration, state: ProjectState) -> Iterator[tuple[str, str]]:
    made = set()  # tables that the release before does not know
    for operation in migration.operations:
        for inner in _opened(operation):
            if isinstance(inner, migrations.CreateModel):
                made.add(inner.name_lower)
            elif _model(inner) not in made and (why := _why(inner, migration.app_label, state)):
                yield inner.describe(), why
        operation.state_forwards(migration.app_label, state)


def _opened(operation: Operation) -> list[Operation]:
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return [inner for one in operation.database_operations for inner in _opened(one)]
    return [operation]


def _model(operation) -> str:
    return (getattr(operation, "model_name", None) or getattr(operation, "name", None) or "").lower()


def _why(operation, app, state) -> str:
    if isinstance(operation, migrations.AddField):
        return _of_new_column(operation.field)
    if isinstance(operation, migrations.AlterField):
        return _of_changed_column(operation, app, state)
    if isinstance(operation, _HARMLESS):
        return ""
    for kind, why in _SAID.items():
        if isinstance(operation, kind):
            return why
    return "is not known to this check. See that the release before can live with it, and say so."


def _of_new_column(field) -> str:
    if field.many_to_many:
        return ""
    if not (field.null or field.has_db_default() or field.generated):
        return (
            "adds a column that the release before does not fill, so that nothing can be saved there. Give it "
            "null=True or a db_default."
        )
    if field.unique:
        return "holds the release before to a rule that it does not know. Make it unique in the next release."
    return ""


def _of_changed_column(operation, app, state) -> str:
    later = state.clone()
    operation.state_forwards(app, later)
    old = state.apps.get_model(app, operation.model_name)._meta.get_field(operation.name)
    new = later.apps.get_model(app, operation.model_name)._meta.get_field(operation.name)
    if not _POSTGRESQL.SchemaEditorClass(_POSTGRESQL)._field_should_be_altered(old, new):
        return ""
    if old.many_to_many or new.many_to_many or old.column != new.column:
        return "moves a column that the release before reads. Add a new one and copy."
    if old.null and not (new.null or new.has_db_default()):
        return "refuses empty values, which the release before still writes. Refuse them in the next release."
    if new.unique and not old.unique:
        return "holds the release before to a rule that it does not know. Make it unique in the next release."
    if old.has_db_default() and not new.has_db_default() and not new.null:
        return "takes away the value that fills the column for the release before. Take it away in the next release."
    if new.remote_field and not old.remote_field:
        return "ties the column to another table, which the release before does not mind. Do that in the next release."
    if not _takes_all_of(old, new):
        return (
            "gives the column another type: what the release before writes may not fit in, and PostgreSQL writes the "
            "whole table anew while nobody reads. Add a new column and copy."
        )
    if new.db_index and not old.db_index:
        return _SAID[migrations.AddIndex]
    return ""


def _takes_all_of(old, new) -> bool:
    """Whether the new column holds every value of the old one without being written anew."""
    was, becomes = (re.sub(r"\(.*", "", field.db_type(_POSTGRESQL) or "") for field in (old, new))
    if was == becomes and (was != "varchar" or old.max_length is None):
        return old.db_type(_POSTGRESQL) == new.db_type(_POSTGRESQL)
    if was == "varchar":
        return becomes == "text" or (
            becomes == "varchar" and (new.max_length is None or new.max_length >= old.max_length)
        )
    return False


def after_the_rule(loader: MigrationLoader) -> list[tuple[str, str]]:
    """Every migration of ours that is held to it, in the order in which they are applied."""
    before = {key for last in BEFORE_THE_RULE for key in loader.graph.forwards_plan(last)}
    return [key for key in _in_order(loader) if key[0] in OURS and key not in before]


def pending(loader: MigrationLoader) -> list[tuple[str, str]]:
    """What the database does not have yet: all that an upgrade would apply, of other packages too."""
    return [key for key in _in_order(loader) if key not in loader.applied_migrations]


def _in_order(loader):
    return list(
        dict.fromkeys(key for leaf in sorted(loader.graph.leaf_nodes()) for key in loader.graph.forwards_plan(leaf))
    )
