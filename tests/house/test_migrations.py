"""While a release is replaced, two of them run on one database: a migration that the old one cannot live with is refused."""

import importlib
import io
import shutil
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from portal import migrating
from tests.servers import ROOT

HEAD = """
from django.contrib.postgres import operations as postgres
from django.db import migrations, models
from portal.migrating import AddIndexConcurrently

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conditions", "{before}")]
    operations = [{operations}]
{more}
"""
TABLE = "migrations.CreateModel('Thing', [('id', models.BigAutoField(primary_key=True)), ('name', models.CharField(max_length=9))])"
# What is done to the table of sources, in this order, and a word of why it is refused; None: it is not.
STEPS = [
    ("migrations.AddField('source', 'filled', models.TextField())", "null=True or a db_default"),
    ("migrations.AddField('source', 'empty', models.TextField(null=True))", None),
    ("migrations.AddField('source', 'by_the_database', models.TextField(db_default=''))", None),
    ("migrations.AddField('source', 'once', models.TextField(null=True, unique=True))", "a rule that it does not know"),
    ("migrations.AlterField('source', 'empty', models.TextField(null=True, help_text='Words.'))", None),
    ("migrations.AlterField('source', 'empty', models.TextField())", "still writes"),
    ("migrations.AlterField('source', 'empty', models.TextField(null=True))", None),
    ("migrations.AlterField('source', 'publisher', models.CharField(max_length=20))", "another type"),
    ("migrations.AlterField('source', 'publisher', models.CharField(max_length=900))", None),
    ("migrations.AlterField('source', 'publisher', models.TextField())", None),
    ("migrations.AlterField('source', 'publisher', models.IntegerField())", "another type"),
    ("migrations.AlterField('source', 'title', models.CharField(max_length=999, unique=True))", "a rule that it does not know"),
    ("migrations.AlterField('source', 'filled', models.TextField(db_index=True))", "AddIndexConcurrently"),
    ("migrations.AddIndex('source', models.Index(fields=['title'], name='slow'))", "AddIndexConcurrently"),
    ("AddIndexConcurrently('source', models.Index(fields=['title'], name='quick'))", None),
    ("migrations.RemoveIndex('source', 'slow')", None),
    ("migrations.AddConstraint('source', models.UniqueConstraint(fields=['title'], name='each_title_once'))", "in the next"),
    ("migrations.AddConstraint('source', models.CheckConstraint(condition=~models.Q(title=''), name='a_title'))", "in the next"),
    ("migrations.RemoveConstraint('source', 'a_title')", None),
    ("migrations.AlterUniqueTogether('source', {('title', 'address')})", "in the next"),
    ("migrations.RenameField('source', 'title', 'heading')", "db_column"),
    ("migrations.RemoveField('source', 'heading')", "remove it in the next"),
    ("migrations.RenameModel('HelpCard', 'Card')", "db_table"),
    ("migrations.AlterModelTable('source', 'sources')", "db_table"),
    ("migrations.DeleteModel('Arrival')", "delete it in the next"),
    ("migrations.RunPython(migrations.RunPython.noop)", "cannot be looked into"),
    ("migrations.RunSQL('SELECT 1')", "cannot be looked into"),
    ("migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL('SELECT 1')])", "cannot be looked into"),
    ("migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel('Code')])", None),
    (TABLE + ", migrations.AddIndex('thing', models.Index(fields=['name'], name='of_things'))", None),
    ("migrations.AlterModelOptions('source', {'verbose_name': 'source'})", None),
    ("postgres.CreateExtension('pg_trgm')", "not known to this check"),
]  # fmt: skip


@pytest.fixture
def with_migrations(tmp_path, monkeypatch, settings):
    """The conditions' migrations, and these after them."""

    def add(*steps, more=""):
        name = f"more_migrations_{tmp_path.name}"
        folder = tmp_path / name
        shutil.copytree(ROOT / "conditions" / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
        before = max(path.stem for path in folder.glob("0*.py"))
        for number, operations in enumerate(steps):
            new = f"{1000 + number}_step"
            (folder / f"{new}.py").write_text(HEAD.format(before=before, operations=operations, more=more))
            before = new
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        settings.MIGRATION_MODULES = {"conditions": name}

    yield add
    for name in [one for one in sys.modules if one.startswith("more_migrations_")]:
        del sys.modules[name]


def test_the_migrations_of_today_pass():
    call_command("check_migrations", stdout=io.StringIO())


def test_what_the_release_before_cannot_live_with_is_refused_with_what_to_do_instead(with_migrations):
    with_migrations(*(operations for operations, _why in STEPS))
    loader = MigrationLoader(None)
    found = list(migrating.refusals(loader, migrating.after_the_rule(loader)))
    for number, (operations, why) in enumerate(STEPS):
        said = [one for one in found if one.startswith(f"conditions.{1000 + number}_step, ")]
        assert (len(said) == 1 and why in said[0]) if why else not said, (operations, said)


def test_the_command_says_so_and_a_reason_in_the_file_lets_it_pass(with_migrations):
    with_migrations("migrations.RemoveField('source', 'publisher')")
    with pytest.raises(
        CommandError, match="conditions.1000_step, “Remove field publisher from source”: takes away a column"
    ):
        call_command("check_migrations")


def test_an_explained_one_passes(with_migrations):
    with_migrations("migrations.RemoveField('source', 'publisher')", more="# both releases: unused since 2027.1")
    call_command("check_migrations", stdout=io.StringIO())


def test_the_columns_of_an_added_language_pass(with_migrations):
    with_migrations(
        "migrations.AddField('topic', 'name_ti', models.CharField(blank=True, max_length=200, null=True)), "
        "migrations.AddField('topic', 'slug_ti', models.CharField(blank=True, max_length=200, null=True))"
    )
    call_command("check_migrations", stdout=io.StringIO())


@pytest.mark.django_db
def test_before_an_upgrade_only_what_the_database_lacks_is_looked_at(with_migrations):
    said = io.StringIO()
    call_command("check_migrations", pending=True, stdout=said)
    assert said.getvalue().startswith("0 migrations")
    with_migrations("migrations.RunSQL('SELECT 1')")
    with pytest.raises(CommandError, match="conditions.1000_step"):
        call_command("check_migrations", pending=True)


@pytest.mark.django_db(transaction=True)
def test_an_index_is_made_while_people_write_on_both_databases():
    state = MigrationLoader(connection).project_state()
    operation = migrating.AddIndexConcurrently("source", models.Index(fields=["publisher"], name="by_publisher"))
    later = state.clone()
    operation.state_forwards("conditions", later)

    def there():
        with connection.cursor() as cursor:
            return "by_publisher" in connection.introspection.get_constraints(cursor, "conditions_source")

    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("conditions", editor, state, later)
    assert there()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("conditions", editor, later, state)
    assert not there()
