"""The model card: what an exported folder is, what it was made from, and how to load it."""

from __future__ import annotations

from collections.abc import Mapping

from workers.contract.specs.export import ExportSpec

_LOAD_MERGED = """\
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("this-folder")
    tokenizer = AutoTokenizer.from_pretrained("this-folder")
"""
_LOAD_ADAPTER = """\
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained("the-base-model")
    model = PeftModel.from_pretrained(base, "this-folder")
"""


def model_card(spec: ExportSpec) -> str:
    """Markdown. Facts the platform did not give are left out, never guessed."""
    facts = spec.facts
    kind = "Complete weights" if spec.format == "merged" else "A LoRA adapter"
    base = facts.base_model_name or spec.base_model.name
    origin = {
        "Base model": base,
        "Base model digest": facts.base_model_digest,
        "Licence of the base model": facts.base_model_licence,
        "Adapter manifest (sha256)": spec.adapter_manifest_sha256 or "",
        "Dataset": facts.dataset_name,
        "Dataset version digest": facts.dataset_version_digest,
        "Trained": facts.trained_at,
    }
    parts = [
        f"# {facts.model_name or base}",
        f"{kind} in safetensors, exported by Kosha. `manifest.json` holds the size and sha256 of every file.",
        "## Where it comes from\n\n" + _table(origin),
        "The base model's terms hold for this model too; see the files beside this one.",
    ]
    if facts.training:
        parts.append("## Training\n\n" + _table(facts.training))
    if facts.evaluation:
        parts.append("## Evaluation on held-out data\n\n" + _table(facts.evaluation))
    parts.append("## Loading it\n\n" + (_LOAD_MERGED if spec.format == "merged" else _LOAD_ADAPTER))
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _table(rows: Mapping[str, object]) -> str:
    """Without the rows whose value is an empty text."""
    lines = ["| | |", "|---|---|"]
    for row in rows.items():
        if row[1] != "":
            cells = [str(value).replace("|", "\\|").replace("\n", " ") for value in row]
            lines.append(f"| {cells[0]} | {cells[1]} |")
    return "\n".join(lines)
