"""A machine that makes first drafts: LibreTranslate or DeepL, by address and key in the environment. Off by default.

What it writes is marked as a machine's until a person has compared it (portal.publishing.checking). Only source
editions are sent, which are public anyway.
"""

import json
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)
SECONDS = 30
MOST = 2 * 1024 * 1024  # bytes of an answer


class Unavailable(Exception):
    """The machine did not answer as it should; the message says what to do."""


@dataclass(frozen=True)
class LibreTranslate:
    """https://docs.libretranslate.com: POST /translate, one array of texts."""

    address: str
    key: str = ""
    name = "LibreTranslate"

    def translate(self, texts: list[str], source: str, target: str) -> list[str]:
        """The texts (HTML) in the target language. Raises Unavailable."""
        codes = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant", "pt-br": "pt-BR"}
        body = {"q": texts, "source": source, "target": codes.get(target, target), "format": "html"}
        if self.key:
            body["api_key"] = self.key
        answer = _ask(f"{self.address}/translate", body, {})
        return _texts(answer.get("translatedText") if isinstance(answer, dict) else None, len(texts))


@dataclass(frozen=True)
class DeepL:
    """https://developers.deepl.com/docs: POST /v2/translate, at most 50 texts a request."""

    address: str
    key: str = ""
    name = "DeepL"

    def translate(self, texts: list[str], source: str, target: str) -> list[str]:
        """The texts (HTML) in the target language. Raises Unavailable."""
        made = []
        for at in range(0, len(texts), 50):
            some = texts[at : at + 50]
            body = {
                "text": some,
                "source_lang": source.upper(),
                "target_lang": target.upper(),
                "tag_handling": "html",
            }
            answer = _ask(f"{self.address}/v2/translate", body, {"Authorization": f"DeepL-Auth-Key {self.key}"})
            rows = answer.get("translations") if isinstance(answer, dict) else None
            said = [row.get("text") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None
            made += _texts(said, len(some))
        return made


BACK_ENDS = {"libretranslate": LibreTranslate, "deepl": DeepL}


def machine() -> LibreTranslate | DeepL | None:
    """The machine of this installation, or none."""
    if not settings.MACHINE_TRANSLATION:
        return None
    name, address = settings.MACHINE_TRANSLATION
    return BACK_ENDS[name](address, settings.MACHINE_TRANSLATION_KEY)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None  # the key goes to the address that was configured and to no other


def _ask(address: str, body: dict, headers: dict):
    request = urllib.request.Request(  # noqa: S310 -- settings let only http and https through
        address, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
            return json.loads(answer.read(MOST))
    except urllib.error.HTTPError as error:
        logger.warning("The translation machine answered %s.", error.code)
        if error.code in {401, 403}:
            raise Unavailable(_("The translation machine does not accept this portal's key.")) from None
        if error.code in {429, 456}:
            raise Unavailable(_("The translation machine has had enough for now. Try again later.")) from None
        if error.code in {400, 404}:
            raise Unavailable(_("The translation machine does not know this language.")) from None
        raise Unavailable(_("The translation machine has a problem of its own. Try again later.")) from None
    except (OSError, ValueError):
        logger.warning("The translation machine could not be reached.")
        raise Unavailable(_("The translation machine cannot be reached. Nothing was changed.")) from None


def _texts(said, count: int) -> list[str]:
    if not isinstance(said, list) or len(said) != count or not all(isinstance(one, str) for one in said):
        raise Unavailable(_("The translation machine answered something else than translations."))
    return said
