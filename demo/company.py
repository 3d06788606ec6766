"""The invented company of the demo: its people, the names of its things, and its settings."""

from __future__ import annotations

BASE_MODELS = {
    "gemma3-270m": {"folder": "gemma3-270m", "licence": "Gemma Terms of Use"},
    "smollm2": {"folder": "smollm2-135m", "licence": "Apache-2.0"},
}
EMBEDDING_MODEL = {"name": "e5-small", "folder": "e5-small", "licence": "MIT"}
ORGANIZATION = {"name": "葦辺流機工業株式会社", "slug": "ashibe"}
OWNER, REVIEWER = "owner@ashibe.example", "reviewer@ashibe.example"
DATASET, SUITE, STORE, SCHEDULE = "社内文書", "公開前の評価", "社内文書の検索", "毎週の再学習"
SUFFIX, ALIAS = "internal", "production"
SYSTEM_PROMPT = "あなたは社内規程と製品に詳しい担当者です。質問に日本語で簡潔に答えてください。"

# For two cores and a few minutes. A real run leaves these out or raises them.
TRAINING = {
    "learning_rate": 4e-4,
    "epochs": 1,
    "max_steps": 36,
    "sequence_length": 512,
    "tokens_per_step": 1024,
    "lora_rank": 16,
    # A small model learns to find the answer in a passage sooner than to memorize it.
    "pair_forms": ["open_book"],
}
RETRAINING = {**TRAINING, "learning_rate": 2e-4, "max_steps": 8}
TASKS = [
    {"type": "bits_per_character", "max_records": 24},
    {"type": "question_answering", "max_questions": 12, "max_new_tokens": 40},
]
