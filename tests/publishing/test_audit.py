import csv
import datetime as dt
import io
import re
import threading
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from portal.publishing import actions, audit
from portal.publishing.models import AuditEnd, AuditEntry, Edition, Page, Unchangeable
from tests import make

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
LOG = reverse("admin:publishing_auditentry_changelist")
PEOPLE = reverse("admin:auth_user_changelist")
ROOT = Path(__file__).resolve().parents[2]


def noted(*what):
    """What the log says of these, without the noise of making the people of the test."""
    return [
        (entry.what, entry.by_name, entry.about, entry.detail)
        for entry in AuditEntry.objects.filter(what__in=what).order_by("number")
    ]


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def with_rights(username, *rights, **names):
    user = make.person(username, **names)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return User.objects.get(pk=user.pk)


def administrator(username="admin"):
    return with_rights(username, "view_user", "add_user", "change_user", "delete_user", "view_group")


def by_hand(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


# What the gate does


def test_each_act_at_the_gate_is_noted_once_with_its_reason():
    clinician = make.clinician()
    words = make.words_for_the_gate()
    for _twice in range(2):
        actions.sign_off(words, by=clinician, capacity="clinical")
        actions.publish(words, by=clinician, change_note="First.")
    actions.withdraw(Page.objects.get(), by=clinician, reason="The dose was wrong.")
    actions.restore(Page.objects.get(), Edition.objects.get(), by=clinician, reason="It was right.")
    assert noted("signed", "published", "withdrawn", "restored") == [
        ("signed", "Clara Curie", "symptom/tremor/en", {"capacity": "clinical", "digest": words.digest}),
        ("published", "Clara Curie", "symptom/tremor/en, edition 1", {"significance": "follow", "change_note": "First."}),
        ("withdrawn", "Clara Curie", "symptom/tremor/en, edition 1", {"reason": "The dose was wrong."}),
        ("restored", "Clara Curie", "symptom/tremor/en, edition 1", {"reason": "It was right."}),
    ]  # fmt: skip
    assert list(audit.faults()) == []


def test_what_was_refused_or_rolled_back_leaves_no_entry():
    clinician = make.clinician()
    words = make.words_for_the_gate()
    with pytest.raises(actions.Unsigned):
        actions.publish(words, by=clinician)
    with pytest.raises(RuntimeError), transaction.atomic():
        actions.sign_off(words, by=clinician, capacity="clinical")
        actions.publish(words, by=clinician)
        raise RuntimeError
    assert noted("signed", "published") == []
    assert list(audit.faults()) == []


def test_an_act_that_cannot_be_noted_is_not_done(monkeypatch):
    clinician = make.clinician()
    words = make.words_for_the_gate()
    actions.sign_off(words, by=clinician, capacity="clinical")
    monkeypatch.setattr(audit, "_write", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        actions.publish(words, by=clinician)
    other = make.words_for_the_gate("pain")
    with pytest.raises(ZeroDivisionError):
        actions.sign_off(other, by=clinician, capacity="clinical")
    monkeypatch.undo()
    assert not Edition.objects.exists()
    with pytest.raises(actions.Unsigned):
        actions.publish(other, by=clinician)


def test_the_name_of_that_day_stays():
    clinician = make.clinician()
    actions.sign_off(make.words_for_the_gate(), by=clinician, capacity="clinical")
    clinician.last_name = "Married"
    clinician.save()
    assert noted("signed")[0][1] == "Clara Curie"
    assert noted("account changed")[-1][2:] == ("account clinician", {"last_name": ["Curie", "Married"]})


# Nobody changes it


def test_an_entry_cannot_be_changed_or_deleted():
    entry = audit.note("signed", by=make.clinician(), about="symptom/tremor/en")
    for forbidden in (
        entry.save,
        entry.delete,
        lambda: AuditEntry.objects.update(about="x"),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.filter(pk=entry.pk).delete(),
        lambda: AuditEntry.objects.bulk_update([entry], ["about"]),
    ):
        with pytest.raises(Unchangeable), transaction.atomic():
            forbidden()
    with pytest.raises(ProtectedError):
        entry.by.delete()
    assert AuditEntry.objects.get(pk=entry.pk).about == "symptom/tremor/en"


def test_not_even_a_superuser_changes_it_in_the_admin():
    client = signed_in(User.objects.create_superuser("root", password="x"))
    entry = audit.note("signed", by=make.clinician(), about="symptom/tremor/en")
    before = list(AuditEntry.objects.order_by("number").values())
    forged = {"about": "nothing", "what": "signed", "at_0": "2020-01-01", "at_1": "00:00", "_save": "Save"}
    named = "admin:publishing_auditentry_"
    assert client.post(reverse(f"{named}change", args=[entry.pk]), forged).status_code == 403
    assert client.post(reverse(f"{named}add"), forged).status_code == 403
    assert client.post(reverse(f"{named}delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    client.post(LOG, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes", "index": 0})
    assert list(AuditEntry.objects.order_by("number").values()) == before


def test_the_log_is_for_those_with_the_right_to_see_it():
    audit.note("signed", by=make.clinician(), about="symptom/tremor/en")
    wanted = {"action": "export", "_selected_action": [1], "index": 0}
    assert signed_in(administrator()).get(LOG).status_code == 403
    assert signed_in(administrator("admin2")).post(LOG, wanted).status_code == 403
    auditor = signed_in(with_rights("auditor", "view_auditentry"))
    page = auditor.get(LOG, {"q": "tremor", "what": "signed"})
    assert page.status_code == 200
    assert "symptom/tremor/en" in page.content.decode()
    entry = auditor.get(reverse("admin:publishing_auditentry_change", args=[1]))
    assert entry.status_code == 200
    assert AuditEntry.objects.get(pk=1).seal in entry.content.decode()
    assert auditor.post(LOG, wanted)["Content-Type"].startswith("text/csv")


def test_the_table_holds_no_formula():
    evil = make.person("evil", first_name='=HYPERLINK("https://evil.example")', last_name="x")
    for reason in ("=1+1", "  @SUM(A1)", "\tcmd", "-2", "＝1", "Plain."):
        audit.note("withdrawn", by=evil, about=reason, reason=reason)
    auditor = signed_in(with_rights("auditor", "view_auditentry"))
    chosen = list(AuditEntry.objects.filter(what="withdrawn").values_list("pk", flat=True))
    answer = auditor.post(LOG, {"action": "export", "_selected_action": chosen, "index": 0})
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row[5] for row in rows] == ["about", "'=1+1", "'  @SUM(A1)", "'\tcmd", "'-2", "'＝1", "Plain."]
    assert {row[2] for row in rows[1:]} == {'\'=HYPERLINK("https://evil.example") x'}


# Changed by hand


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE publishing_auditentry SET about = 'nothing' WHERE number = {second}", "altered after it was written"),
        ("UPDATE publishing_auditentry SET by_id = NULL WHERE number = {second}", "altered after it was written"),
        ("UPDATE publishing_auditentry SET detail = '{{}}' WHERE number = {second}", "altered after it was written"),
        ("DELETE FROM publishing_auditentry WHERE number = {second}", "what was noted before it is missing"),
        ("DELETE FROM publishing_auditentry WHERE number = {last}", "does not end where it ended"),
        ("DELETE FROM publishing_auditentry", "does not end where it ended"),
        ("DELETE FROM publishing_auditend", "does not end where it ended"),
    ],
)
def test_what_was_changed_by_hand_is_found(sql, told):
    clinician = make.clinician()
    entries = [audit.note("withdrawn", by=clinician, about=f"page {n}", reason="x") for n in range(4)]
    call_command("verify")
    by_hand(sql.format(second=entries[1].number, last=entries[3].number))
    assert any(told in fault for fault in audit.faults()), list(audit.faults())
    with pytest.raises(CommandError, match="entries of the audit log"):
        call_command("verify")


def test_an_entry_put_in_by_hand_is_found():
    clinician = make.clinician()
    last = audit.note("signed", by=clinician, about="one")
    forged = AuditEntry(
        number=last.number + 1, at=NOON, by=clinician, what="signed", about="two", previous_seal=last.seal
    )
    forged.seal = audit.seal_of(forged)
    forged.save()
    assert list(audit.faults()) == [
        f"audit log, after entry {forged.number}: it does not end where it ended, at entry {last.number}."
    ]


@pytest.mark.parametrize("reason", ["a\x00b", "half \ud83d", "עברית ‏", "日本 🙂", {"deep": [1, None, True, "x\x00"]}])
def test_whatever_people_write_can_be_noted_and_verified(reason):
    audit.note("withdrawn", by=None, about="page", reason=reason)
    assert list(audit.faults()) == []


def test_a_word_nobody_agreed_on_is_refused():
    with pytest.raises(ValueError, match="publisched"):
        audit.note("publisched", by=None, about="page")


def test_nothing_but_the_audit_module_writes_the_log():
    code = [path for package in ("portal", "conditions") for path in (ROOT / package).rglob("*.py")]
    makes = re.compile(r"AuditEntry(\.objects\.\w*create)?\(")
    assert sorted(path.name for path in code if makes.search(path.read_text())) == ["audit.py", "models.py"]


@pytest.mark.django_db(transaction=True)
def test_many_who_publish_different_pages_at_once_make_one_unbroken_log():
    people = [make.clinician(f"clinician-{n}") for n in range(4)]
    barrier, failed = threading.Barrier(len(people)), []

    def work(by):
        try:
            barrier.wait(10)
            for round_ in range(8):
                words = make.words_for_the_gate(f"{by.username}-{round_}")
                actions.sign_off(words, by=by, capacity="clinical")
                actions.publish(words, by=by)
                audit.note_refused(f"{by.username}-{round_}")
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert AuditEntry.objects.filter(what="published").count() == 32
    numbers = list(AuditEntry.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert list(audit.faults()) == []
    refused = AuditEntry.objects.filter(what="sign-in refused").count()
    assert (refused, AuditEnd.objects.get().left_out) == (audit.REFUSED_A_MINUTE, 32 - audit.REFUSED_A_MINUTE)


# Who may do what


def test_every_change_of_roles_and_accounts_is_noted_with_who_did_it():
    ada, subject = administrator("ada"), make.person("bob", first_name="Bob", last_name="B.")
    spanish = Permission.objects.get(codename="translate_es")
    url = reverse("admin:auth_user_change", args=[subject.pk])
    form = {
        "username": "bob", "first_name": "Bob", "last_name": "B.", "email": "", "is_active": "on", "is_staff": "on",
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
    }  # fmt: skip
    translators = Group.objects.get(name="Translators")
    client = signed_in(ada)
    first = AuditEntry.objects.count()
    assert client.post(url, form | {"groups": translators.pk, "user_permissions": spanish.pk}).status_code == 302
    assert client.post(url, {**form, "is_active": ""}).status_code == 302
    password = reverse("admin:auth_user_password_change", args=[subject.pk])
    new = {"password1": "another-long-one-7", "password2": "another-long-one-7", "usable_password": "true"}
    assert client.post(password, new | {"set-password": "x"}).status_code == 302
    entries = AuditEntry.objects.filter(number__gt=first).order_by("number")
    assert [(e.by, e.what, e.about, e.detail) for e in entries] == [
        (ada, "role changed", "account bob", {"given": ["group Translators"]}),
        (ada, "role changed", "account bob", {"given": ["right conditions.translate_es"]}),
        (ada, "account changed", "account bob", {"is_active": [True, False]}),
        (ada, "role changed", "account bob", {"taken": ["group Translators"]}),
        (ada, "role changed", "account bob", {"taken": ["right conditions.translate_es"]}),
        (ada, "account changed", "account bob", {"password": "changed"}),
    ]
    assert "another-long" not in str(list(AuditEntry.objects.values()))


def test_what_a_command_does_is_noted_without_a_person():
    made = User.objects.create_superuser("root", password="x")
    Group.objects.create(name="Auditors")
    role = Group.objects.get(name="Auditors")
    role.user_set.add(made)
    role.user_set.add(made)
    role.permissions.add(Permission.objects.get(codename="view_auditentry"))
    role.permissions.clear()
    role.delete()
    made.delete()
    assert noted("account made", "role changed", "account deleted") == [
        ("account made", "", "account root", {"is_staff": True, "is_superuser": True}),
        ("role changed", "", "group Auditors", {}),
        ("role changed", "", "account root", {"given": ["group Auditors"]}),
        ("role changed", "", "group Auditors", {"given": ["right publishing.view_auditentry"]}),
        ("role changed", "", "group Auditors", {"taken": ["right publishing.view_auditentry"]}),
        ("role changed", "", "group Auditors", {"deleted_with": ["root"]}),
        ("account deleted", "", "account root", {"groups": []}),
    ]


def test_signing_in_and_saving_the_same_again_are_no_changes():
    user = make.person("bob")
    before = AuditEntry.objects.count()
    assert Client().login(username="bob", password="a-long-password")
    user.save()
    assert AuditEntry.objects.count() == before


def test_a_reader_is_never_who_acts_and_a_request_leaves_nobody_behind():
    ada = administrator()
    signed_in(ada).get(PEOPLE)
    assert audit.person_acting() is None


# Refused log-ins


def test_a_refused_log_in_keeps_the_name_and_neither_password_nor_address():
    make.person("bob")
    login = reverse("admin:login")
    tried = {"username": "bob", "password": "Secret-guess-1"}
    Client().post(login, tried, REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Spy/1.0")
    assert noted("sign-in refused") == [("sign-in refused", "", "account bob", {})]
    kept = str(list(AuditEntry.objects.values()))
    assert not any(secret in kept for secret in ("Secret-guess-1", "203.0.113.9", "Spy"))
    call_command("verify")


def test_a_name_made_to_deceive_is_cut_and_stripped():
    authenticate(username="bob\nadmin\x1b[31m\u202egnp" + "x" * 500, password="y")
    assert noted("sign-in refused")[0][2] == "account " + ("bobadmin[31mgnp" + "x" * 500)[:150]
    audit.note_refused("a\x00b\ud83d")
    assert noted("sign-in refused")[1][2] == "account ab"


def test_a_flood_of_log_ins_is_counted_not_written_down():
    def at(seconds):
        return NOON + dt.timedelta(seconds=seconds)

    for second in range(50):
        audit.note_refused("bob", now=at(second))
    assert AuditEntry.objects.filter(what="sign-in refused").count() == 1
    audit.note_refused("bob", now=at(61))
    assert noted("sign-in refused")[-1][3] == {"more since the last one written down": 49}
    for number in range(500):
        audit.note_refused(f"name-{number}", now=at(200))
    assert AuditEntry.objects.filter(what="sign-in refused").count() == 2 + audit.REFUSED_A_MINUTE
    audit.note_refused("clara", now=at(300))
    assert noted("sign-in refused")[-1][2:] == ("account clara", {"more since the last one written down": 480})
    assert list(audit.faults()) == []


# Accounts in the admin


def form_of(person, **more):
    return {
        "username": person.username, "first_name": "", "last_name": "", "email": "", "is_active": "on", "is_staff": "on",
        "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", **more,
    }  # fmt: skip


def state(person):
    person = User.objects.get(pk=person.pk)
    rights = sorted(person.user_permissions.values_list("codename", flat=True))
    return (person.is_superuser, person.is_active, person.username, person.password, rights)


def test_an_administrator_cannot_rise_or_raise_anybody():
    ada, bob = administrator("ada"), make.person("bob")
    client = signed_in(ada)
    for who in (ada, bob):
        url = reverse("admin:auth_user_change", args=[who.pk])
        before = state(who)
        assert client.post(url, form_of(who, is_superuser="on")).status_code == 403
        for codename in ("delete_user", "change_group", "publish_edition", "sign_clinical", "translate_en"):
            right = Permission.objects.get(codename=codename)
            assert client.post(url, form_of(who, user_permissions=right.pk)).status_code == 403
        assert state(who) == before
    new = {"username": "eve", "password1": "a-very-long-1", "password2": "a-very-long-1", "usable_password": "true"}
    assert client.post(reverse("admin:auth_user_add"), {**new, "is_superuser": "on"}).status_code == 403
    assert not User.objects.filter(username="eve").exists()


def test_an_administrator_does_not_touch_a_superuser():
    root, client = User.objects.create_superuser("root", password="x"), signed_in(administrator())
    before = state(root)
    new = {"password1": "another-long-1", "password2": "another-long-1", "usable_password": "true", "set-password": "x"}
    for name, data in (
        ("change", form_of(root, username="toor")),
        ("password_change", new),
        ("delete", {"post": "yes"}),
    ):
        assert client.post(reverse(f"admin:auth_user_{name}", args=[root.pk]), data).status_code == 403
    chosen = {"action": "deactivate", "_selected_action": [root.pk, make.person("bob").pk], "index": 0}
    assert client.post(PEOPLE, chosen).status_code == 403
    assert state(root) == before
    assert User.objects.get(username="bob").is_active


def test_only_a_superuser_says_what_a_role_may_do():
    ada = with_rights("ada", "change_user", "view_group", "add_group", "change_group", "delete_group")
    role = Group.objects.get(name="Translators")
    before = sorted(role.permissions.values_list("codename", flat=True))
    everything = list(Permission.objects.values_list("pk", flat=True))
    client = signed_in(ada)
    for name, args, data in (
        ("change", [role.pk], {"name": "Translators", "permissions": everything}),
        ("add", [], {"name": "All", "permissions": everything}),
        ("delete", [role.pk], {"post": "yes"}),
    ):
        assert client.post(reverse(f"admin:auth_group_{name}", args=args), data).status_code == 403
    assert sorted(role.permissions.values_list("codename", flat=True)) == before
    assert not Group.objects.filter(name="All").exists()
    root = signed_in(User.objects.create_superuser("root", password="x"))
    url = reverse("admin:auth_group_change", args=[role.pk])
    assert root.post(url, {"name": "Translators", "permissions": []}).status_code == 302
    assert not role.permissions.exists()


def test_an_administrator_gives_roles_and_languages_and_keeps_rights_that_are_not_shown():
    bob = with_rights("bob", "view_auditentry")
    client = signed_in(administrator())
    url = reverse("admin:auth_user_change", args=[bob.pk])
    page = client.get(url).content.decode()
    assert "Can translate into Spanish" in page
    assert "Can publish in the source language" not in page
    assert 'name="is_superuser"' not in page
    spanish, clinicians = Permission.objects.get(codename="translate_es"), Group.objects.get(name="Clinical reviewers")
    assert client.post(url, form_of(bob, groups=clinicians.pk, user_permissions=spanish.pk)).status_code == 302
    bob = User.objects.get(pk=bob.pk)
    assert bob.has_perm("publishing.sign_clinical") and bob.has_perm("conditions.translate_es")
    assert bob.has_perm("publishing.view_auditentry")
    assert client.post(url, form_of(bob)).status_code == 302
    bob = User.objects.get(pk=bob.pk)
    assert sorted(bob.get_all_permissions()) == ["publishing.view_auditentry"]


def test_who_signed_is_deactivated_instead_of_deleted():
    clinician, client = make.clinician(), signed_in(User.objects.create_superuser("root", password="x"))
    for key in ("tremor", "pain"):
        actions.sign_off(make.words_for_the_gate(key), by=clinician, capacity="clinical")
    url = reverse("admin:auth_user_delete", args=[clinician.pk])
    page = client.get(url).content.decode()
    assert "that stays under this person’s name" in page.replace("&#x27;", "’").replace("'", "’")
    assert "Deactivate this account" in page
    assert "clinical reviewer" not in page
    client.post(url, {"post": "yes"})
    assert User.objects.get(pk=clinician.pk).is_active
    theirs = signed_in(clinician)
    chosen = {"action": "deactivate", "_selected_action": [clinician.pk], "index": 0}
    assert client.post(PEOPLE, chosen).status_code == 302
    assert not User.objects.get(pk=clinician.pk).is_active
    assert theirs.get(reverse("admin:index")).status_code == 302
    assert noted("account changed")[-1] == (
        "account changed",
        "root",
        "account clinician",
        {"is_active": [True, False]},
    )


def test_an_account_nobody_used_can_be_deleted_but_not_ones_own():
    root = User.objects.create_superuser("root", password="x")
    bob, client = make.person("bob"), signed_in(root)
    assert client.post(reverse("admin:auth_user_delete", args=[root.pk]), {"post": "yes"}).status_code == 403
    assert client.post(reverse("admin:auth_user_delete", args=[bob.pk]), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=bob.pk).exists()
    assert noted("account deleted") == [("account deleted", "root", "account bob", {"groups": []})]
    chosen = {"action": "delete_selected", "_selected_action": [make.person("carl").pk], "post": "yes", "index": 0}
    client.post(PEOPLE, chosen)
    assert User.objects.filter(username="carl").exists()
