"""The type of job that trains a model."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes
from jobs.failures import ErrorText
from jobs.types import GIBIBYTE, JobType, UsualResources, register
from registry.selectors import MODELS
from training.models import TrainingRun
from training.services import checkpoints_record, training_ended
from workers.contract.model_shape import read_model_shape, weights_bytes
from workers.contract.specs.events import CheckpointSaved
from workers.contract.specs.training import TrainingResult, TrainingSpec


def _disk_bytes(spec: TrainingSpec) -> int:
    """Checkpoints (those kept, and one being written), the result, and the tokenized data."""
    checkpoint = _checkpoint_bytes(spec)
    kept = spec.checkpoint.keep + 1
    # Eight bytes for each token (id and label), of which a byte of Japanese is less than one.
    tokens = 8 * sum(map(file_bytes, (*spec.record_files, *spec.known_record_files)))
    return kept * checkpoint + checkpoint // 3 + tokens


def _checkpoint_bytes(spec: TrainingSpec) -> int:
    """Each trained parameter with the two moments of Adam, in float32: 12 bytes."""
    if spec.method == "full":
        # Stored weights have two bytes for each parameter, seldom four.
        return 6 * weights_bytes(spec.base_model)
    shape = read_model_shape(spec.base_model)
    return 12 * shape.lora_parameters(spec.hyperparameters.lora_rank) if shape else 0


register(
    JobType(
        name="training",
        label=_("Training a model"),
        busy_label=pgettext_lazy("state", "Training"),
        spec=TrainingSpec,
        result=TrainingResult,
        engine="workers.engines.training",
        usual=UsualResources(memory_bytes=4 * GIBIBYTE, gpu_each_process=True),
        disk_bytes=_disk_bytes,
        processes=lambda spec: spec.processes,
        can_pause=True,
        produces=TrainingRun,
        artifact=MODELS,
        artifact_id=lambda run: run.future_version_id,
        sealed_folder=lambda result: result.adapter_dir or result.model_dir or "",
        on_end=training_ended,
        subject_related=("base_model", "parent"),
        events={CheckpointSaved: checkpoints_record},
        messages={
            "too_long": _("%(too_long)s conversations are longer than the sequence length and are left out."),
            "checkpoint_passed_over": _(
                "A checkpoint is damaged or belongs to another configuration and was passed over."
            ),
        },
        errors={
            "user.target_modules": ErrorText(
                _("The base model has no layers that the settings ask to adapt."),
                _("Leave target_modules empty, or choose another base model."),
                _("The base model has no layers named %(modules)s (target_modules)."),
            ),
            "user.target_modules:output_layer": ErrorText(
                _("The settings ask to adapt the output layer of the base model, which is not possible."),
                _("Leave target_modules empty, or choose another base model."),
            ),
            "user.base_model_changed": ErrorText(
                _("The base model's files are not those that were registered."),
                _(
                    "Have your operator bring back the registered files, or register the folder under a new name."
                ),
            ),
            "user.chat_template_unsupported": ErrorText(
                _(
                    "The base model's chat template rewrites earlier turns, so it cannot be trained on conversations."
                ),
                _("Choose another base model."),
            ),
            "user.invalid_spec:objective": ErrorText(
                _("The run asks for something that this release cannot train."),
                _("Start the training again."),
                _("The run asks for the objective “%(name)s”, which this release does not know."),
            ),
            "user.empty_dataset": ErrorText(
                _("The dataset holds nothing to learn from."),
                _("Look at what was dropped and why, correct the documents and build a new version."),
            ),
            "user.context_too_long": ErrorText(
                _(
                    "The sequence length is longer than the base model can take, or shorter than every conversation."
                ),
                _("Choose another sequence length and start the training again."),
            ),
            "user.context_too_long:model": ErrorText(
                _("The sequence length is longer than the base model can take."),
                _("Choose a shorter sequence length and start the training again."),
                _("The base model takes at most %(limit)s tokens; the sequence length is %(asked)s."),
            ),
            "user.context_too_long:conversations": ErrorText(
                _("The sequence length is shorter than every conversation."),
                _(
                    "Choose a longer sequence length, or shorten the conversations, and start the training again."
                ),
                _("All %(count)s conversations are longer than the sequence length of %(limit)s tokens."),
            ),
            "system.out_of_memory": ErrorText(
                _("The memory did not suffice."),
                _("Choose a shorter sequence length, or more processes, and start the training again."),
            ),
            "system.loss_not_finite": ErrorText(
                _("The loss is not a number any more."),
                _("Choose a lower learning rate and start the training again."),
                _("The loss of step %(step)s is not a number any more."),
            ),
            "system.architecture_not_supported": ErrorText(
                _("The base model's architecture cannot be trained here."),
                _("Choose another base model."),
                _("The base model's architecture (%(architecture)s) cannot be trained here."),
            ),
            "system.wrong_world_size": ErrorText(
                _("Another number of processes was started than the run asks for."),
                _("Start the training again. If it fails again, show your operator the code below."),
                _("The run asks for %(expected)s processes, but %(started)s were started."),
            ),
            "system.checkpoint_damaged": ErrorText(
                _("A checkpoint was damaged while it was read."),
                _("Start the training again. Have your operator look at the disk of the node."),
                _("The checkpoint of step %(step)s was damaged while it was read: %(file)s."),
            ),
            "system.checkpoint_unreadable": ErrorText(
                _("A checkpoint is complete, but could not be read."),
                _("Start a new training with the same settings."),
            ),
        },
    )
)
