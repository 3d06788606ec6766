"""Pictures of a document's pages: drawn when somebody looks at one, kept for a while, and drawn anew when they are gone.

A page is drawn together with its neighbours, which are likely to be looked at next. The web process draws nothing: a job
does, in the sandbox that files are read in.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.principal import Principal
from audit.services import Actor
from common import queue
from common.errors import Conflict, DeclaredError, NotFound
from common.storage import artifact_delete, artifact_path, blob_path
from common.tenancy import every_organization
from documents.models import Document, PagePictures, Revision
from documents.showing import OriginalWithheld, document_mode
from jobs.produced import ProducedState
from jobs.services import job_submit
from jobs.transitions import ACTIVE
from jobs.types import Placement, error_text
from workers.contract.media_types import BMP, JPEG, PDF, PNG, TIFF, WEBP
from workers.contract.run_folder import RunFolder
from workers.contract.specs.page_pictures import PagePicturesSpec, picture_file

PICTURES = "page_pictures"
"""The artefact kind under which they are kept."""
DRAWN_TYPES = frozenset({PDF, PNG, JPEG, TIFF, WEBP, BMP})
"""Files whose pages look the same everywhere."""
AT_ONCE = 6
"""Pages of one job, which takes about a second."""
PRIORITY = 10
"""Before the organization's other jobs: somebody waits in front of a screen."""
AGAIN_AFTER = timedelta(minutes=1)
"""A failure that is not the file's may have passed by then."""
LOOKED = timedelta(hours=1)
SWEPT_AT_ONCE = 500


class NoPagePicture(DeclaredError):
    status = 404
    code = "no_page_picture"
    message = gettext_lazy("Only pages of PDF files and images have pictures.")


class PageNotDrawn(Conflict):
    """The page has a picture, which could not be drawn."""

    def __init__(self, code: str) -> None:
        known = error_text(code)
        sentences = [known.what, known.remedy] if known else [_("The page could not be drawn.")]
        super().__init__("page_not_drawn", " ".join(map(str, sentences)))


def has_pictures(revision: Revision) -> bool:
    return revision.media_type in DRAWN_TYPES


def page_pictures(
    *,
    document: Document,
    revision: Revision,
    number: int,
    principal: Principal,
    actor: Actor,
    again: bool = False,
) -> PagePictures:
    """The drawing that has page `number`, ready or under way; one is begun where there is none.

    `again`: also where the last one failed. Raises OriginalWithheld wherever the original is withheld, NoPagePicture,
    NotFound, PageNotDrawn.
    """
    if document_mode(document, principal) == "masked":
        raise OriginalWithheld
    if not has_pictures(revision):
        raise NoPagePicture
    if not 1 <= number <= revision.pages:
        raise NotFound
    rows = PagePictures.objects.select_related("job").defer("job__spec")
    found = rows.filter(revision=revision, first=_first(number)).first()
    if found is None or not (found.is_building or _is_of_use(found, number, again)):
        return _draw(document, revision, number, actor, instead_of=found)
    if found.is_building:
        _hasten(found)
    else:
        _note_look(found)
    return found


def picture_path(pictures: PagePictures, number: int) -> Path:
    folder = artifact_path(pictures.organization_id, PICTURES, pictures.id)
    return folder / picture_file(number)


def _first(number: int) -> int:
    """Of the pages that are drawn together with this one."""
    return (number - 1) // AT_ONCE * AT_ONCE + 1


def _is_of_use(found: PagePictures, number: int, again: bool) -> bool:
    """Raises PageNotDrawn for a failure that stands."""
    failures = {each["number"]: each["code"] for each in found.result.get("not_drawn", ())}
    code = found.error_code or (number in failures and f"{found.job.kind}.{failures[number]}") or ""
    if found.state == ProducedState.READY and not code:
        # They may have been removed, or not be part of a restored backup.
        return picture_path(found, number).exists()
    now = timezone.now()
    is_passing = ".user." not in code and now - (found.job.ended_at or now) > AGAIN_AFTER
    if again or is_passing:
        return False
    raise PageNotDrawn(code)


@transaction.atomic
def _draw(
    document: Document, revision: Revision, number: int, actor: Actor, *, instead_of: PagePictures | None
) -> PagePictures:
    # Who looks at the same moment waits here and then finds what the first one has begun.
    live = Document.objects.select_for_update(no_key=True).filter(pk=document.pk, deleted_at=None)
    if not live.exists():
        raise NotFound
    first = _first(number)
    found = PagePictures.objects.select_related("job").filter(revision=revision, first=first).first()
    if found is not None and (instead_of is None or found.pk != instead_of.pk):
        return found
    if found is not None:
        _remove(found)
    last = min(first + AT_ONCE - 1, revision.pages)
    spec = PagePicturesSpec(
        revision_id=revision.id,
        name=document.name,
        path=blob_path(document.organization_id, revision.sha256),
        sha256=revision.sha256,
        pages=(number, *(each for each in range(first, last + 1) if each != number)),
    )
    job = job_submit(spec=spec, actor=actor, placement=Placement(priority=PRIORITY))
    return PagePictures.objects.create(
        organization_id=document.organization_id, revision=revision, first=first, job=job
    )


def _hasten(building: PagePictures) -> None:
    """The end of a job is looked for every two seconds, which is long for somebody who waits."""
    if building.job.state in ACTIVE and RunFolder(building.job.run_dir).result.exists():
        queue.send("jobs.reconcile")


def _note_look(found: PagePictures) -> None:
    now = timezone.now()
    if now - found.looked_at > LOOKED:
        PagePictures.objects.filter(pk=found.pk).update(looked_at=now)


# -- removing ---------------------------------------------------------------------------------
def pictures_erase(document: Document) -> None:
    """Of a deleted document. What is still being drawn is not taken over when it ends."""
    for found in PagePictures.objects.filter(revision__document=document):
        _remove(found)


def page_pictures_sweep() -> None:
    """Remove what nobody has looked at for `KOSHA_PAGE_PICTURE_DAYS`, what belongs to deleted documents, and, beyond
    `KOSHA_PAGE_PICTURE_BYTES`, what was looked at longest ago."""
    with every_organization("pictures of all organizations share the disk"):
        ended = PagePictures.objects.exclude(state=ProducedState.BUILDING).order_by("looked_at")
        oldest = timezone.now() - timedelta(days=settings.KOSHA_PAGE_PICTURE_DAYS)
        gone = Q(revision__document__deleted_at__isnull=False)
        for found in ended.filter(Q(looked_at__lt=oldest) | gone)[:SWEPT_AT_ONCE]:
            _remove(found)
        _sweep_beyond(ended, settings.KOSHA_PAGE_PICTURE_BYTES)


def _sweep_beyond(ended: QuerySet[PagePictures], limit: int) -> None:
    excess = (ended.aggregate(size=Sum("size"))["size"] or 0) - limit
    for found in ended.filter(size__gt=0)[:SWEPT_AT_ONCE]:
        if excess <= 0:
            return
        excess -= found.size
        _remove(found)


def _remove(found: PagePictures) -> None:
    """The folder first: a row without its folder is found and replaced, a folder without its row never is."""
    artifact_delete(found.organization_id, PICTURES, found.id)
    found.delete()
