"""Recipes, datasets and their immutable versions."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import TenantModel
from documents.models import Revision
from jobs.produced import ProducedRow


class Recipe(TenantModel):
    """A named, ordered list of curation steps with their thresholds."""

    id = PrefixedIdField("recipe_")
    name = models.CharField(_("name"), max_length=200)
    content = models.JSONField()
    """`workers.contract.specs.curation.Recipe` as JSON."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_recipe_of_a_name")]


class Dataset(TenantModel):
    id = PrefixedIdField("ds_")
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="+", null=True)
    """Null: the default recipe."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_dataset_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("datasets:detail", args=[self.id])


class DatasetVersion(ProducedRow):
    """A frozen list of document revisions, the recipe, and the records that came out."""

    id = PrefixedIdField("dsv_")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    recipe = models.JSONField()
    """The recipe as it was when the version was made."""
    document_rule = models.JSONField(null=True)
    """`curation.choice.DocumentRule` as JSON; null: the documents were named one by one."""
    revisions = models.ManyToManyField(Revision, through="DatasetVersionSource", related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="one_dataset_version_of_a_number")
        ]

    def __str__(self) -> str:
        """Read it with its `dataset` selected."""
        return gettext("%(dataset)s, version %(number)d") % {"dataset": self.dataset, "number": self.number}

    def get_absolute_url(self) -> str:
        return reverse("datasets:version", args=[self.dataset_id, self.id])


class DatasetVersionSource(TenantModel):
    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="sources")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="used_in")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "revision"], name="one_source_each")]


class QuestionSet(TenantModel):
    """A named set of questions with known answers, by which search and answers are measured."""

    id = PrefixedIdField("qset_")
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="one_question_set_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name


class Question(TenantModel):
    """One question of a set. Answerable: the documents hold its answer; else the right answer is that they do not."""

    id = PrefixedIdField("question_")
    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="questions")
    text = models.TextField()
    accepted = models.JSONField(default=list)
    """Short strings, any of which makes an answer right. Empty for a question that is not answerable."""
    is_answerable = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["question_set", "-id"], name="question_newest")]


class QuestionSpan(TenantModel):
    """A passage that answers a question: characters `start` to `end` of the text of page `number` of a revision."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="spans")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=200, blank=True)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="span_is_not_empty")
        ]


class PairState(models.TextChoices):
    DRAFT = "draft", _("waiting for review")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class Pair(TenantModel):
    """A question with its answer that is kept apart from documents, for training once it is approved."""

    id = PrefixedIdField("pair_")
    question = models.TextField()
    answer = models.TextField()
    origin = models.JSONField()
    """`workers.contract.records.PairOrigin` as JSON: a person, a correction in a chat, or a generator."""
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+", null=True)
    """What a generated pair was made from; null for every other origin."""
    state = models.CharField(max_length=16, choices=PairState.choices, default=PairState.DRAFT)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="pair_newest"),
            models.Index(fields=["organization", "state", "-id"], name="pair_newest_of_a_state"),
        ]
