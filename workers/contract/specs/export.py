"""What an export is started with (`ExportSpec`) and what it yields (`ExportResult`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from workers.contract.spec import Spec

ExportFormat = Literal["adapter", "merged"]


class ExportFacts(Spec):
    """Where the model comes from, as the platform knows it; written into the model card."""

    model_name: str = ""
    """For example `ft:gemma3-270m:acme:rules:7`."""
    base_model_name: str = ""
    base_model_licence: str = ""
    """The base model's licence; it applies to what is derived from it."""
    base_model_digest: str = ""
    dataset_name: str = ""
    dataset_version_digest: str = ""
    """Digest of the dataset version the model was trained on."""
    trained_at: str = ""
    """ISO 8601."""
    training: dict[str, str | int | float] = Field(default_factory=dict)
    """Settings and outcome worth showing, for example `{"epochs": 3, "loss": 1.9}`."""
    evaluation: dict[str, str | int | float] = Field(default_factory=dict)
    """Figures worth showing."""


class ExportSpec(Spec):
    """Package a model version as a folder that can be used elsewhere."""

    version: Literal[1] = 1
    base_model: Path
    """Folder of the base model."""
    adapter: Path | None = None
    """Folder of the adapter. Without one the base model itself is packaged (as `merged`)."""
    adapter_manifest_sha256: str | None = None
    """Refuse to export if the adapter's manifest is another."""
    format: ExportFormat = "merged"
    """`adapter`: the small folder alone, to be loaded on top of the base model. `merged`: one folder
    of complete weights that any loader of safetensors can read."""
    dtype: Literal["keep", "float32", "bfloat16"] = "keep"
    """Merged only: the precision of the weights; `keep` is the base model's own."""
    facts: ExportFacts = ExportFacts()

    @model_validator(mode="after")
    def _consistent(self) -> ExportSpec:
        if self.format == "adapter" and self.adapter is None:
            raise ValueError("the adapter format needs an adapter")
        return self


class ExportResult(Spec):
    """What lies in the run's `output/model/`."""

    version: Literal[1] = 1
    format: ExportFormat
    model_dir: str = "model"
    """Relative to the run's `output/`."""
    files: dict[str, int]
    """Size in bytes by name, the manifest included."""
    bytes: int
    manifest_sha256: str
