"""kill -9 at any step of whatever writes: what was acknowledged is there, once and whole, and the next one goes on."""

import datetime as dt
import io
import itertools
import shutil
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from conditions import clock, exchange, leaflets, models, presentation
from conditions.bundle import collecting, loading, reading
from portal.backup import form
from portal.listening import actions as listening
from portal.listening.models import Feedback
from portal.publishing import actions, notices
from portal.publishing.actions import Publishing
from portal.publishing.models import (
    AuditEnd,
    AuditEntry,
    Checked,
    Edition,
    LanguageState,
    Notice,
    Page,
    PageHistory,
    Plan,
)
from portal.translating.exchange.work import Returned
from portal.translating.models import Parcel, Remembered
from tests import make
from tests.conditions.test_pictures import picture
from tests.torture import agreement, striking, table

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = dt.timedelta(minutes=1)


def signed(key, text, **fields):
    words = make.words_for_the_gate(key, text, **fields)
    actions.sign_off(words, by=make.signatory(), capacity="clinical")
    return words


def named(words):
    return f"{words.key} {words.digest}"


class Work:
    """`prepare` and `check` happen in the process that lives, `run` in the one that is killed."""

    name = ""
    weight = 4  # its share of the rounds: what takes seconds is done less often

    def __init__(self, tmp_path, settings):
        self.place, self.settings, self.number = tmp_path, settings, itertools.count()
        make.signatory()
        self.begin()

    def begin(self):
        """Once."""

    def prepare(self):
        """Before each round."""

    def run(self, will, did):
        raise NotImplementedError

    def check(self, told, line):
        """What was acknowledged is there; what was under way happened once or not at all. Goes on with it."""


class Published(Work):
    """Shared: editions that were announced by `will(key digest)` and acknowledged by `did(key digest, number)`."""

    def check(self, told, line):
        for name, number in told.did:
            key, digest = name.split(" ")
            found = list(Edition.objects.filter(key=key, digest=digest).values_list("number", flat=True))
            if number not in found:
                line.wrong("lost", f"edition {number} of {key}")
            elif found != [number]:
                line.wrong("doubled", f"edition {number} of {key}: {found}")
        for (name,) in told.open():
            key, digest = name.split(" ")
            if Edition.objects.filter(key=key, digest=digest).count() > 1:
                line.wrong("doubled", name)


class Publish(Published):
    name = "publish"

    def begin(self):
        self.topics = [make.symptom(f"shaking-{n}", in_languages=("en", "es")) for n in range(2)]
        for topic in self.topics:
            make.published(topic)

    def prepare(self):
        self.round = next(self.number)

    def run(self, will, did):
        for topic in self.topics:
            topic.refresh_from_db()
            topic.summary_en = f"Shaking, told the {self.round}. time."
            topic.slug_en = f"{topic.key}-{self.round % 3}"
            topic.save()
            for language in ("en", "es"):
                words = make.manuscript(topic, language)
                if Edition.objects.filter(key=topic.key, language=language, digest=words.digest).exists():
                    continue
                will(named(words))
                did(named(words), make.published(topic, language).number)


class Together(Published):
    name = "publish together"

    def prepare(self):
        self.round = next(self.number)

    def run(self, will, did):
        several = [signed(f"one-of-{n}", f"Round {self.round}.") for n in range(4)]
        for words in several:
            will(named(words))
        made = actions.publish_together([Publishing(words) for words in several], by=make.signatory())
        for words, edition in zip(several, made, strict=True):
            did(named(words), edition.number)

    def check(self, told, line):
        super().check(told, line)
        there = Edition.objects.filter(digest__in=[one[0].split(" ")[1] for one in told.will]).count()
        if there not in (0, 4):
            line.wrong("halved", f"{there} of 4 that were to be published together")


class Withdraw(Work):
    name = "withdraw and restore"

    def begin(self):
        for n in range(3):
            actions.publish(signed(f"gone-{n}", "Shaking."), by=make.signatory())

    def run(self, will, did):
        by = make.signatory()
        for page in Page.objects.order_by("key"):
            will(f"withdraw {page.key}")
            if page.withdrawn_at:
                actions.restore(page, page.edition, by=by, reason="Right after all.")
            else:
                actions.withdraw(page, by=by, reason="It harms.")
            did(f"withdraw {page.key}", bool(page.withdrawn_at))

    def check(self, told, line):
        for name, was_gone in told.did:
            page = Page.objects.get(key=name.split(" ")[1])
            if bool(page.withdrawn_at) == was_gone:
                line.wrong("lost", f"{name}: the page is as it was before")


class Scheduled(Work):
    name = "scheduled publishing"

    def begin(self):
        self.topics = {f"later-{n}": make.symptom(f"later-{n}") for n in range(5)}

    def _signed(self, key, text):
        topic = self.topics[key]
        topic.summary_en = text
        topic.save()
        words = make.manuscript(topic)
        actions.sign_off(words, by=make.signatory(), capacity="clinical")
        return words

    def prepare(self):
        self.round, by = next(self.number), make.signatory()
        self.now = timezone.now() + MINUTE

        def plan(*keys):
            several = [Publishing(self._signed(key, f"Planned in round {self.round}.")) for key in keys]
            return actions.plan_publishing(several, by=by, at=self.now)

        self.plans = [plan("later-1"), plan("later-2", "later-3"), plan("later-4")]
        if self.round:
            page = Page.objects.get(key="later-0")
            self.plans.append([actions.plan_withdrawal(page, by=by, at=self.now, reason="Over.")])
        actions.publish(self._signed("later-0", f"Before round {self.round}."), by=by)
        self.shown = PageHistory.objects.count()

    def run(self, will, did):
        for plan in Plan.objects.filter(ended_at=None):
            will(plan.pk)
        actions_ended = actions.carry_out(self.now)
        for plan in actions_ended:
            did(plan.pk)
        clock.tick(self.now)

    def check(self, told, line):
        for (pk,) in told.did:
            if not Plan.objects.get(pk=pk).ended_at:
                line.wrong("lost", f"plan {pk} was carried out")
        for together in self.plans:
            ended = {bool(plan.ended_at) for plan in Plan.objects.filter(pk__in=[plan.pk for plan in together])}
            if len(ended) > 1:
                line.wrong("halved", f"of plans that belong together some are carried out: {together}")
        clock.tick(self.now)
        every = Plan.objects.filter(pk__in=[plan.pk for together in self.plans for plan in together])
        for plan in every:
            if not plan.ended_at or plan.refusal:
                line.wrong("lost", f"{plan} is not carried out: {plan.refusal}")
        if (there := PageHistory.objects.count() - self.shown) != every.count():
            line.wrong("doubled", f"{every.count()} plans changed pages {there} times")


class Import(Work):
    name = "import a bundle"
    many = 0

    def begin(self):
        made = make.condition("brought", in_languages=("en", "es"))
        made.symptom_rows.create(symptom=make.symptom("with-it"), frequency="frequent", position=1)
        made.images.create(file=SimpleUploadedFile("a.png", picture()), position=0, alt_en="A hand")
        make.treatment("helps")
        self.bundle = collecting.bundle(collecting.every())
        self.pictures = picture

    def prepare(self):
        for model in (models.Condition, models.Symptom, models.Treatment, models.Source):
            model.objects.all().delete()
        for file in Path(self.settings.MEDIA_ROOT).rglob("*.png"):
            file.unlink()

    def _load(self):
        if self.many:
            loading.in_batches(self.bundle, self.many, tell=lambda done, of: None)
        else:
            loading.load(self.bundle)

    def run(self, will, did):
        will("import")
        self._load()
        did("import")

    def check(self, told, line):
        if told.did and models.Condition.objects.filter(key="brought").count() != 1:
            line.wrong("lost", "what was imported")
        if not told.did and not self.many and models.Condition.objects.exists() != models.Treatment.objects.exists():
            line.wrong("halved", "an import that should be all or nothing")
        self._load()
        now = collecting.bundle(collecting.every())
        if [(one.kind, one.key, one.shape, one.words) for one in now.topics] != [
            (one.kind, one.key, one.shape, one.words) for one in self.bundle.topics
        ]:
            line.wrong("doubled", "an import that was begun again does not say what the bundle says")


class ImportInBatches(Import):
    name = "import in batches"
    many = 1


class Export(Work):
    name = "export a bundle"

    def begin(self):
        Import.begin(self)
        call_command("export_bundle", self.place / "whole", stdout=io.StringIO())
        call_command("export_bundle", self.place / "whole.zip", stdout=io.StringIO())

    def prepare(self):
        self.round = next(self.number)
        if self.round % 3 == 0:
            shutil.rmtree(self.place / "out", ignore_errors=True)
            (self.place / "out.zip").unlink(missing_ok=True)

    def run(self, will, did):
        for name in ("out", "out.zip"):
            will(name)
            call_command("export_bundle", self.place / name, stdout=io.StringIO())
            did(name)

    def check(self, told, line):
        for name in ("out", "out.zip"):
            if (self.place / name).exists() and (name == "out.zip" or [name] in told.did):
                try:
                    reading.read(self.place / name)
                except Exception as error:
                    line.wrong("halved", f"{name} cannot be read: {error!r}")
            call_command("export_bundle", self.place / name, stdout=io.StringIO())
        if agreement.content_of(self.place / "out") != agreement.content_of(self.place / "whole"):
            line.wrong("halved", "an export that was begun again is not a whole one")
        if (self.place / "out.zip").read_bytes() != (self.place / "whole.zip").read_bytes():
            line.wrong("halved", "a zip file that was begun again is not a whole one")


class Copy(Work):
    name = "copy of the site"
    weight = 1

    def begin(self):
        self.settings.LEAFLETS = False
        self.topic = make.symptom("copied", in_languages=("en", "es"))
        self.topic.images.create(file=SimpleUploadedFile("a.png", picture()), position=0, alt_en="A hand")
        make.published(self.topic)

    def prepare(self):
        self.round = next(self.number)
        self.topic.summary_en = f"Copied in round {self.round}."
        self.topic.save()
        make.published(self.topic)

    def _copy(self, folder):
        call_command("export_site", folder, workers=1, stdout=io.StringIO())

    def run(self, will, did):
        will("copy")
        self._copy(self.place / "copy")
        did("copy")

    def check(self, told, line):
        for path in (self.place / "copy").rglob("*.html"):
            if not path.read_bytes().rstrip().endswith(b"</html>"):
                line.wrong("halved", f"{path} in the copy")
        self._copy(self.place / "copy")
        if self.round % 10 == 0:
            shutil.rmtree(self.place / "anew", ignore_errors=True)
            self._copy(self.place / "anew")
            if agreement.content_of(self.place / "copy") != agreement.content_of(self.place / "anew"):
                line.wrong("halved", "a copy that went on is not one that was made anew")
        if parts := list((self.place / "copy").rglob(".part-*")):
            line.wrong("halved", f"{len(parts)} files left behind in the copy for ever")


class Leaflet(Work):
    name = "make a leaflet (PDF)"
    weight = 1

    def begin(self):
        self.topic = make.symptom("printed")
        make.published(self.topic)
        self.address = presentation.page_url(Page.objects.get()) + "leaflet.pdf"

    def prepare(self):
        shutil.rmtree(leaflets._folder(), ignore_errors=True)

    def run(self, will, did):
        will("leaflet")
        answer = Client().get(self.address)
        did("leaflet", answer.status_code)

    def check(self, told, line):
        for _name, status in told.did:
            if status != 200:
                line.wrong("lost", f"the leaflet was answered with {status}")
        if next(self.number) % 5 == 0:
            said = b"".join(Client().get(self.address).streaming_content)
            if not said.startswith(b"%PDF") or not said.rstrip().endswith(b"%%EOF"):
                line.wrong("halved", "a leaflet that is not whole was handed out")
        leaflets.forget_unread(timezone.now() + dt.timedelta(days=31))
        if behind := agreement.left_behind():
            line.wrong("halved", f"{behind} left behind for ever")


class Xliff(Work):
    name = "import a translation (XLIFF)"

    def begin(self):
        self.topic = make.symptom("translated", in_languages=("en", "es"))
        make.published(self.topic)
        self.by = make.translator()

    def _row(self, part, number, source, target):
        return Returned(
            kind="symptom", key="translated", target_tag="es", part=part, number=number, source=source, target=target, edition=1
        )  # fmt: skip

    def prepare(self):
        self.round = next(self.number)
        source = exchange.work(make.fresh(self.topic), "es")
        rows = [
            self._row(one.part, one.number, one.source, f"{one.source} {self.round}")
            for one in source.segments[:3]
        ]  # fmt: skip
        rows.append(self._row("summary", 0, "Never said.", f"Aparcado {self.round}."))
        self.parcel = exchange.keep("file.xlf", rows, "es", by=self.by)
        self.checked, self.parked = Checked.objects.count(), Remembered.objects.count()

    def run(self, will, did):
        will("take")
        exchange.take(self.parcel, by=self.by)
        did("take")

    def check(self, told, line):
        taken = Parcel.objects.get(pk=self.parcel.pk).taken_at is not None
        self.topic.refresh_from_db()
        written = f" {self.round}" in (self.topic.summary_es or "") + (self.topic.name_es or "")
        parked = Remembered.objects.count() > self.parked
        if told.did and not taken:
            line.wrong("lost", "a file that was taken over")
        if len({taken, written, parked}) > 1:
            line.wrong("halved", f"a file taken over: {taken}, its words written: {written}, the others kept: {parked}")
        if not taken:
            exchange.take(self.parcel, by=self.by)
        if Checked.objects.count() - self.checked > 1:
            line.wrong("doubled", "what a file says was compared")


class Picture(Work):
    name = "upload a picture"

    def begin(self):
        self.topic = make.symptom("pictured")

    def prepare(self):
        self.round = next(self.number)
        self.content = picture(f"#{self.round % 4096:03x}", (400, 300))

    def _upload(self):
        return self.topic.images.create(file=SimpleUploadedFile("a.png", self.content), position=0, alt_en="A hand")

    def run(self, will, did):
        will("picture")
        did("picture", self._upload().pk)

    def check(self, told, line):
        for _name, pk in told.did:
            if not models.Image.objects.filter(pk=pk).exists():
                line.wrong("lost", "a picture")
        made = self._upload()  # the person presses the button again
        if Path(made.file.path).read_bytes() != made.file.open().read() or made.width != 400:
            line.wrong("halved", "a picture that was uploaded again")


class Answers(Work):
    name = "readers' answers"

    def begin(self):
        actions.publish(signed("answered", "Shaking."), by=make.signatory())
        self.page = Page.objects.get()

    def prepare(self):
        self.round = next(self.number)

    def run(self, will, did):
        for n in range(5):
            words = f"Round {self.round} answer {n}"
            will(words)
            listening.answer(self.page, answered=True, words=words)
            did(words)

    def check(self, told, line):
        for (words,) in told.did:
            if (count := Feedback.objects.filter(words=words).count()) != 1:
                line.wrong("lost" if not count else "doubled", f"an answer is there {count} times")


class Mails(Work):
    name = "notices by mail"

    def begin(self):
        self.settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
        self.settings.EMAIL_FILE_PATH = self.place / "mail"
        self.people = [make.person(f"told-{n}", email=f"told-{n}@example.org") for n in range(4)]

    def prepare(self):
        self.round = next(self.number)
        self.now = timezone.now() + dt.timedelta(days=2 * self.round)
        self.text = f"Round {self.round} is public."
        notices.tell(self.people, self.text, "/admin/", now=self.now)
        shutil.rmtree(self.place / "mail", ignore_errors=True)

    def run(self, will, did):
        will("mail")
        did("mail", notices.deliver(self.now))

    def check(self, told, line):
        if told.did and Notice.objects.filter(text=self.text, sent_at=None).exists():
            line.wrong("lost", "a mail that was sent is not known to be")
        # A mail that was claimed by who died goes out when the claim is over.
        notices.deliver(self.now + 6 * MINUTE)
        mails = [path.read_text() for path in (self.place / "mail").iterdir()]
        for person in self.people:
            count = sum(said.count(f"To: {person.email}\n") for said in mails if self.text in said)
            if not count:
                line.wrong("lost", f"the mail to {person.email}")
            line.counts["sent twice"] += count > 1
            if count > 2:
                line.wrong("doubled", f"{count} mails to {person.email}")
        if Notice.objects.filter(sent_at=None).exists():
            line.wrong("lost", "a notice waits for ever")


class Languages(Work):
    name = "a language offered"

    def begin(self):
        self.by = make.person("lead", "Translation leads")

    def run(self, will, did):
        for state in ("desk", "offered", "desk", "planned"):
            will(state)
            actions.decide_language("de", state, by=self.by)
            did(state)

    def check(self, told, line):
        state = LanguageState.objects.filter(code="de").first()
        if told.ended and state.state != "planned":
            line.wrong("lost", "a decision about a language")
        states = ["desk", "offered", "desk", "planned"]
        may_be = states[max(len(told.did) - 1, 0) : len(told.did) + 1] or ["planned"]
        if told.did and state.state not in may_be:
            line.wrong("lost", f"a decision about a language: {state.state}, not {may_be}")
        actions.decide_language("de", "planned", by=self.by)


class Backup(Work):
    name = "backup"
    weight = 1

    def begin(self):
        self.settings.LEAFLETS = False
        self.folder = self.place / "backups"
        self.topic = make.symptom()

    def prepare(self):
        self.topic.summary_en = f"Shaking, told the {next(self.number)}. time."
        self.topic.save()
        make.published(self.topic)

    def run(self, will, did):
        will("backup")
        call_command("backup", self.folder, stdout=io.StringIO())
        did("backup")

    def check(self, told, line):
        if not self.folder.exists() or not form.named_like_ours(self.folder):
            if told.did:
                line.wrong("lost", "a backup that was said to be made")
            return
        with form.opened(form.newest(self.folder)) as newest:
            newest.check()  # every hash; what is named like a backup is whole
            if told.did and tuple(newest.manifest.audit_end) != audit_end():
                line.wrong("halved", "a backup that does not end where the log does")


def audit_end():
    return AuditEnd.objects.values_list("number", "seal").get()


class Restore(Backup):
    name = "restore"

    def begin(self):
        super().begin()
        self.settings.VAR_DIR.mkdir(exist_ok=True)
        self.prepare()
        call_command("backup", self.folder, stdout=io.StringIO())
        self.backup, self.end = form.newest(self.folder), audit_end()

    def prepare(self):
        super().prepare()
        self.before = audit_end()

    def run(self, will, did):
        will("restore")
        call_command("restore", self.backup, replace=True, stdout=io.StringIO())
        did("restore")

    def check(self, told, line):
        # What was here, or all of the backup. On PostgreSQL its last note is a transaction of its own.
        end = audit_end()
        restored = end == self.end or AuditEntry.objects.filter(
            what="brought back", number=self.end[0] + 1, seal=end[1]
        ).exists()  # fmt: skip
        if told.did and not restored:
            line.wrong("lost", "a restore that was said to be done")
        if not restored and end != self.before:
            line.wrong("halved", f"neither what was here nor the backup: the log ends with entry {end[0]}")
        editions = Edition.objects.filter(key=self.topic.key).count()
        if restored and editions != 1:
            line.wrong("halved", f"the backup has one edition, and there are {editions}")


WORKS = (
    Publish, Together, Withdraw, Scheduled, Import, ImportInBatches, Export, Copy, Leaflet, Xliff, Picture, Answers, Mails,
    Languages, Backup, Restore,
)  # fmt: skip


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_nothing_is_lost_halved_or_doubled(work, tmp_path, settings):
    line = table.line(f"kill -9: {work.name}")
    doing = work(tmp_path, settings)
    doing.prepare()
    told = striking.strike(doing.run)
    assert told.ended
    steps, seconds = told.steps, told.seconds
    rounds = max(1, round(striking.ROUNDS * work.weight / sum(one.weight for one in WORKS)))
    moments = [None, *striking.moments(work.name, rounds, steps, seconds)]
    for number, moment in enumerate(moments):
        if number:
            doing.prepare()
            told = striking.strike(doing.run, **moment)
        line.counts["rounds"] += 1
        line.counts["acknowledged"] += len(told.did)
        line.counts["killed"] += not told.ended
        known_before = len(line.notes)
        doing.check(told, line)
        clock._caught_up = False
        clock.tick()  # what the process does that takes the dead one's place
        for fault in agreement.faults():
            line.wrong("verify", fault)
        assert len(line.notes) == known_before, (f"seed {striking.SEED}, {moment}", line.notes[known_before:])
