"""A picture on its way in: opened, made small enough, written anew without what it told about its maker.

Whatever the way (the desk's form, a loader, the shell), a picture passes `prepared`: the form field asks it early, so
that the person gets a reason; `PictureFile.save` asks it where nobody did. What is stored is never the uploaded file.
"""

import hashlib
import io
import re

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import models
from django.db.models.fields.files import ImageFieldFile
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps

LONGEST_SIDE = 1600  # pixels: twice the width of the text, for sharp screens
MOST_BYTES = 15 * 1024 * 1024  # a photo from a telephone is below it
MOST_PIXELS = 40_000_000  # about 160 MB while it is being read
FLAT = 32_768  # a drawing has fewer colours, a photo more
FORMATS = ("PNG", "JPEG", "WEBP")


class Prepared(ContentFile):
    """What `prepared` returned: its name is the hash of its content."""


def prepared(file) -> Prepared:
    """The picture as it is stored. Raises ValidationError with the reason where it is not taken."""
    if isinstance(file, Prepared):
        return file
    if file.size > MOST_BYTES:
        raise ValidationError(_("This picture is larger than 15 MB. Make it smaller first."))
    file.seek(0)
    said = file.read()
    image = _opened(said)
    was_jpeg, profile = image.format in {"JPEG", "MPO"}, image.info.get("icc_profile")
    image = _plain(image)
    # A drawing has transparency or few colours. What came as JPEG has lost its sharp lines already.
    flat = image.mode == "RGBA" or (not was_jpeg and image.getcolors(FLAT) is not None)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    image = _in_srgb(image, profile)
    # EXIF (with the place it was taken), comments and colour profiles hang on here, and are let go.
    image.info.clear()
    held = io.BytesIO()
    # PNG keeps the sharp lines and the transparency of a drawing; a photo is ten times smaller as JPEG. Both open on
    # the oldest telephone, which WebP does not.
    if flat:
        image.save(held, "PNG", optimize=True)
    else:
        image.convert("RGB").save(held, "JPEG", quality=85, optimize=True, progressive=True)
    content = held.getvalue()
    return Prepared(content, name=f"{hashlib.sha256(content).hexdigest()}.{'png' if flat else 'jpg'}")


def as_made_here(content: bytes) -> Prepared | None:
    """A picture that `prepared` once wrote keeps its bytes, and so its name: writing a JPEG anew would change both.

    Only a plain JPEG without anything beside its pixels counts as such, whoever brings it; everything else, None.
    """
    if not _is_bare_jpeg(content) or len(content) > MOST_BYTES:
        return None
    try:
        image = _opened(content)
    except ValidationError:
        return None
    if max(image.size) > LONGEST_SIDE or image.mode not in {"L", "RGB"}:
        return None
    return Prepared(content, name=f"{hashlib.sha256(content).hexdigest()}.jpg")


# JFIF's own head, tables, frame, restart interval (ITU T.81, table B.1): no EXIF, no profile, no comment.
_BARE_MARKERS = {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD, 0xDA}


def _is_bare_jpeg(content: bytes) -> bool:
    """From the first marker to the last byte nothing but what draws the picture."""
    if not content.startswith(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"):
        return False
    at = 2
    while content[at : at + 2] != b"\xff\xd9":
        head = content[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] not in _BARE_MARKERS or (head[1] == 0xE0 and at != 2):
            return False
        at += 2 + int.from_bytes(head[2:])
        if head[1] == 0xDA:  # the picture itself goes on to the next marker that is none of its own
            following = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL).search(content, at)
            if following is None:
                return False
            at = following.start()
    return at + 2 == len(content)


def _opened(said: bytes) -> Image.Image:
    """The picture the right way up. Its content decides what it is; its name is not looked at."""
    try:
        image = Image.open(io.BytesIO(said), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        head = said[:4096].lower()
        if b"<svg" in head:
            message = _("This is an SVG. SVG is refused because it can carry script. Upload it as a PNG.")
        elif head.startswith(b"gif8"):
            message = _("This is a GIF. Upload a PNG, JPEG or WebP picture that does not move.")
        else:
            message = _("This is no PNG, JPEG or WebP picture, whatever its name says.")
        raise ValidationError(message) from error
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()
    # A photo may hold a small copy of itself (MPO): its first picture is meant. Anything else with several moves.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise ValidationError(_("This picture moves. Upload one that stands still: movement can make people ill."))
    try:
        image.draft(None, (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a large JPEG is not even unpacked in full
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return image
    except Exception as error:
        raise ValidationError(
            _("This picture's file is damaged or not whole. Save or send it once more, and upload that.")
        ) from error


def _too_many_pixels():
    return ValidationError(_("This picture has more than 40 million pixels. Make it smaller first."))


def _plain(image):
    """Without a palette, 16 bits or a transparency that hides nothing, so that it can be made smaller smoothly."""
    if image.mode.startswith("I"):
        return image.point(lambda level: level / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return image if image.getextrema()[3][0] < 255 else image.convert("RGB")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _in_srgb(image, profile: bytes | None):
    """The colours every screen assumes, so that the profile can be let go."""
    if profile and image.mode != "L":
        try:
            return ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if image.mode == "RGBA" else "RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that is none, or of other colours: they are taken as they are
    return image.convert("RGB") if image.mode == "CMYK" else image


class PictureFormField(forms.ImageField):
    default_validators = []  # Django's looks at the name

    def to_python(self, data):
        file = forms.FileField.to_python(self, data)
        return file and prepared(file)


class PictureFile(ImageFieldFile):
    def save(self, name, content, save=True):
        content = prepared(content)
        if not self.storage.exists(content.name) or self.storage.size(content.name) != content.size:
            self.storage.delete(content.name)  # half of one, from a disk that was full or a power cut
            super().save(content.name, content, save)
            return
        # The same picture is there already, under the only name it can have.
        self.name = content.name
        setattr(self.instance, self.field.attname, self.name)
        self._committed = True
        if save:
            self.instance.save()


class PictureField(models.ImageField):
    attr_class = PictureFile

    def formfield(self, **kwargs):
        return super().formfield(**{"form_class": PictureFormField, **kwargs})

    def deconstruct(self):
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ImageField", args, kwargs  # to the database it is one
