import hashlib
import io
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Drawing
from PIL import ImageCms

from conditions import models, pictures
from tests import make
from tests.desk import form_of

pytestmark = pytest.mark.django_db


def made(image, form, **options):
    held = io.BytesIO()
    image.save(held, form, **options)
    return held.getvalue()


def picture(colour="red", size=(40, 20)):
    return made(Drawing.new("RGB", size, colour), "PNG")


def photo(size=(300, 200)):
    """More colours than any drawing has."""
    return Drawing.merge("RGB", [Drawing.effect_noise(size, 90) for _channel in range(3)])


def prepared(content, name="picture"):
    return pictures.prepared(SimpleUploadedFile(name, content))


def opened(file):
    file.seek(0)
    return Drawing.open(io.BytesIO(file.read()))


def upload(client, symptom, content, name="drawing.png", alt="A hand that shakes"):
    address = f"/admin/conditions/symptom/{symptom.pk}/change/"
    data = form_of(client.get(address))
    data |= {
        "images-TOTAL_FORMS": 1,
        "images-0-file": SimpleUploadedFile(name, content),
        "images-0-alt_en": alt,
        "images-0-position": 0,
    }
    return client.post(address, data)


@pytest.fixture
def desk():
    client = Client()
    client.force_login(make.clinician())
    return client


def test_a_picture_is_published_with_its_words_and_its_file_never_changes(desk):
    symptom = make.symptom()
    assert upload(desk, symptom, picture()).status_code == 302
    image = models.Image.objects.get()
    content = image.file.read()
    assert image.file.name == hashlib.sha256(content).hexdigest() + ".png"
    assert Client().get(f"/media/{image.file.name}").status_code == 200  # its name is as good as a secret
    make.published(symptom)
    html = Client().get("/en/symptoms/tremor/").content.decode()
    assert f'<img src="/media/{image.file.name}" width="40" height="20" alt="A hand that shakes">' in html
    answer = Client().get(f"/media/{image.file.name}")
    assert b"".join(answer.streaming_content) == content
    assert answer.headers["Content-Type"] == "image/png"
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_picture_without_alternative_text_keeps_the_page_from_going_out(desk):
    symptom = make.symptom()
    upload(desk, symptom, picture(), alt="")
    assert [p.message for p in make.manuscript(symptom).problems] == ["A picture has no alternative text."]


SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def bomb(side=20_000):
    """A PNG of a few hundred bytes that says it is 400 million pixels large, and means it."""

    def chunk(kind, said):
        return struct.pack(">I", len(said)) + kind + said + struct.pack(">I", zlib.crc32(kind + said))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def moving(form):
    frames = [Drawing.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    return made(frames[0], form, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("drawing.svg", SVG, "can carry script"),
        ("drawing.png", SVG, "can carry script"),
        ("drawing.png", b"<!DOCTYPE html><script>alert(1)</script>", "no PNG, JPEG or WebP picture"),
        ("drawing.png", b"\x89PNG\r\n\x1a\n" + b"0" * (5 * 1024 * 1024), "no PNG, JPEG or WebP picture"),
        ("drawing.gif", made(Drawing.new("P", (20, 20)), "GIF"), "This is a GIF."),
        ("drawing.png", made(Drawing.new("RGB", (20, 20)), "TIFF"), "no PNG, JPEG or WebP picture"),
        ("drawing.png", moving("PNG"), "This picture moves."),
        ("drawing.webp", moving("WEBP"), "This picture moves."),
        ("drawing.png", picture(size=(400, 400))[:-30], "damaged or not whole"),
        ("drawing.jpg", made(photo(), "JPEG")[:9000], "damaged or not whole"),
        ("drawing.webp", made(photo(), "WEBP")[:5000], "damaged or not whole|no PNG"),
        ("drawing.png", bomb(), "more than 40 million pixels"),
        ("drawing.png", bomb(8_000), "more than 40 million pixels"),
        ("drawing.png", b"0" * (15 * 1024 * 1024 + 1), "larger than 15 MB"),
        ("drawing.png", b"", ""),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else len(value),
)
def test_what_is_no_picture_is_refused_with_a_reason_and_nothing_is_kept(desk, settings, name, content, reason):
    symptom = make.symptom()
    answer = upload(desk, symptom, content, name=name)
    assert answer.status_code == 200
    assert models.Image.objects.count() == 0
    assert not settings.MEDIA_ROOT.exists()
    if reason:
        with pytest.raises(ValidationError, match=reason) as refusal:
            prepared(content, name)
        assert refusal.value.messages[0].split(".")[0].split("’")[0].split("'")[0] in answer.content.decode()


def test_the_content_decides_and_not_the_name(desk):
    """HTML behind a picture, and a picture named like a page: what is stored is a picture and nothing else."""
    symptom = make.symptom()
    assert upload(desk, symptom, picture() + b"<script>alert(1)</script>", name="page.html").status_code == 302
    image = models.Image.objects.get()
    assert image.file.name.endswith(".png") and b"<script" not in image.file.read()


def exif_photo():
    image = photo((400, 200))
    exif = Drawing.Exif()
    exif[0x0112] = 6  # it lies on its side
    exif[0x010F] = "A telephone"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return made(image, "JPEG", exif=exif, comment=b"for Clara", icc_profile=profile, quality=95)


def test_what_a_photo_tells_about_its_maker_is_gone_and_it_stands_upright(desk):
    content = exif_photo()
    assert Drawing.open(io.BytesIO(content)).getexif().get_ifd(0x8825)  # the place is in there
    symptom = make.symptom()
    assert upload(desk, symptom, content, name="IMG_0001.JPG").status_code == 302
    image = models.Image.objects.get()
    stored = image.file.read()
    kept = Drawing.open(io.BytesIO(stored))
    assert (kept.format, kept.size, (image.width, image.height)) == ("JPEG", (200, 400), (200, 400))
    assert not kept.getexif() and not {"exif", "comment", "icc_profile"} & kept.info.keys()
    assert not any(told in stored for told in (b"Exif", b"A telephone", b"for Clara", b"ICC_PROFILE"))
    assert image.file.name == hashlib.sha256(stored).hexdigest() + ".jpg"


def test_words_in_a_png_are_gone_too():
    info = pictures.Image.Exif()
    info[0x010F] = "A telephone"
    told = made(Drawing.new("RGB", (20, 20)), "PNG", exif=info, dpi=(300, 300), icc_profile=b"not a profile")
    stored = prepared(told)
    assert stored.name.endswith(".png")
    assert [kind for kind in (b"eXIf", b"tEXt", b"iCCP", b"pHYs") if kind in stored.read()] == []


@pytest.mark.parametrize(
    ("content", "form", "mode", "size"),
    [
        (made(Drawing.new("RGB", (3200, 800), "white"), "PNG"), "PNG", "RGB", (1600, 400)),
        (made(Drawing.new("RGBA", (20, 3000), (9, 9, 9, 9)), "PNG"), "PNG", "RGBA", (11, 1600)),
        (made(Drawing.new("P", (20, 20)), "PNG", transparency=0), "PNG", "RGBA", (20, 20)),
        (made(Drawing.new("I;16", (20, 20), 65535), "PNG"), "PNG", "L", (20, 20)),
        (made(Drawing.new("1", (20, 20)), "PNG"), "PNG", "RGB", (20, 20)),
        (made(Drawing.new("RGB", (20, 20)), "PNG", transparency=(0, 0, 0)), "PNG", "RGBA", (20, 20)),
        (made(Drawing.new("RGB", (20, 20)), "WEBP"), "PNG", "RGB", (20, 20)),
        (made(photo((4000, 3000)), "JPEG"), "JPEG", "RGB", (1600, 1200)),
        (made(photo(), "PNG"), "JPEG", "RGB", (300, 200)),
        (made(photo().convert("RGBA"), "PNG"), "JPEG", "RGB", (300, 200)),
        (made(photo(), "WEBP"), "JPEG", "RGB", (300, 200)),
        (made(Drawing.new("CMYK", (20, 20)), "JPEG"), "JPEG", "RGB", (20, 20)),
        (made(Drawing.new("L", (20, 20)), "JPEG"), "JPEG", "RGB", (20, 20)),
    ],
    ids=range(13),
)
def test_a_drawing_stays_sharp_a_photo_gets_small_and_none_is_wider_than_the_web_needs(content, form, mode, size):
    kept = opened(prepared(content))
    assert (kept.format, kept.mode, kept.size) == (form, mode, size)


def test_sixteen_bits_of_white_stay_white():
    assert opened(prepared(made(Drawing.new("I;16", (9, 9), 65535), "PNG"))).getpixel((0, 0)) == 255


def test_every_way_in_is_the_same_way_and_saving_again_changes_nothing(settings, monkeypatch):
    """As the desk, so a loader or a shell."""
    symptom, content = make.symptom(), made(photo((3200, 1600)), "JPEG")
    given = models.Image.objects.create(topic=symptom, file=ContentFile(content, name="given.jpg"))
    saved = models.Image(topic=symptom)
    saved.file.save("saved.jpg", ContentFile(content))
    assert given.file.name == saved.file.name  # the same picture is stored once
    assert [path.name for path in settings.MEDIA_ROOT.iterdir()] == [given.file.name]
    for image in models.Image.objects.all():
        assert (image.width, image.height) == (1600, 800)
    monkeypatch.setattr(pictures, "_opened", lambda said: pytest.fail("opened again"))
    again = models.Image.objects.get(pk=given.pk)
    again.alt_en = "A hand"
    again.save()
    again.save(update_fields=["file"])
    assert models.Image.objects.get(pk=given.pk).file.name == given.file.name
    with pytest.raises(ValidationError):
        models.Image.objects.create(topic=symptom, file=ContentFile(b"x" * (15 * 1024 * 1024 + 1), name="x.png"))


@pytest.mark.parametrize(
    "name", ["../portal.sqlite3", "..%2Fsecret_key", "x" * 64 + ".png", "a" * 64 + ".png", "a" * 64 + ".svg"]
)
def test_no_other_file_can_be_asked_for(name):
    assert Client().get(f"/media/{name}").status_code == 404
