"""Styles and scripts are collected beside a running server, and no file that it may be asked for is missing or half.

Django's own collectstatic deletes a hashed file and writes it again, and its manifest forgets what a release does not
have any more. Here all is made in another folder and moved in, the manifest last; what an older release named stays.
"""

import filecmp
import json
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Storage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's; what was compressed before is not compressed again, which takes most of the time."""

    def compress_files(self, paths):
        root, left = Path(settings.STATIC_ROOT), []
        for path in paths:
            before = [one for ends in (".gz", ".br") if (one := root / f"{path}{ends}").exists()]
            if root == Path(self.location) or not before or not _same(root / path, Path(self.path(path))):
                left.append(path)
                continue
            for one in before:
                shutil.copyfile(one, self.path(path) + one.suffix)
                yield path, path + one.suffix
        yield from super().compress_files(left)


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and filecmp.cmp(one, other, shallow=False)


def collect() -> None:
    """Into STATIC_ROOT. Raises OSError."""
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".static-") as aside:
        aside = Path(aside)
        _collect_into(aside)
        manifest = aside / getattr(staticfiles_storage, "manifest_name", "staticfiles.json")
        if manifest.exists():
            _also_what_was(root / manifest.name, manifest)
        new = sorted(path for path in aside.rglob("*") if path.is_file() and path != manifest)
        for path in [*new, *([manifest] if manifest.exists() else [])]:
            target = root / path.relative_to(aside)
            if not _same(target, path):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    if hasattr(staticfiles_storage, "load_manifest"):
        staticfiles_storage.hashed_files, staticfiles_storage.manifest_hash = staticfiles_storage.load_manifest()


def _collect_into(folder: Path) -> None:
    staticfiles_storage.exists("")  # it is set up when it is first asked something
    real = staticfiles_storage._wrapped
    staticfiles_storage._wrapped = type(real)(location=str(folder))
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    finally:
        staticfiles_storage._wrapped = real


def _also_what_was(before: Path, manifest: Path) -> None:
    """A worker of the old release may start anew on the new manifest: each name that it knows is there."""
    if before.exists():
        said = json.loads(manifest.read_text())
        said["paths"] = {**json.loads(before.read_text())["paths"], **said["paths"]}
        manifest.write_text(json.dumps(said))
