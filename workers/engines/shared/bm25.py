"""The formula of BM25 (Robertson and Zaragoza 2009, eq. 3.15), with the never-negative idf of Lucene."""

from __future__ import annotations

from typing import Any

import numpy as np

K1 = 1.2
B = 0.75


def inverse_document_frequency(frequency: Any, texts: int) -> Any:
    """How rare a term is that `frequency` of the `texts` hold; numbers or arrays."""
    return np.log1p((texts - frequency + 0.5) / (frequency + 0.5))


def length_norm(length: Any, mean_length: float) -> Any:
    """What a term's count in a text is weighed against; numbers or arrays. Longer texts have more."""
    return K1 * (1 - B + B * length / mean_length)


def term_scores(idf: Any, counts: Any, norm: Any) -> Any:
    """What a term that occurs `counts` times adds to the score of a text with this `length_norm`."""
    return idf * counts * (K1 + 1) / (counts + norm)
