"""HojiChar's side of the benchmarks of curation; it runs in an environment of its own, without Kosha.

Run: `python hojichar_side.py clean|deduplicate|datasketch FILE [records]`; FILE has a JSON object with `text` in each line.
Prints `{"kept": [line numbers], "seconds": …, "peak_bytes": …}`.
"""

import itertools
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator


def documents(path: str, most: int | None) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        for line in itertools.islice(file, most):
            yield json.loads(line)["text"]


def clean() -> Callable[[str], bool]:
    """Every filter of HojiChar that needs no other package, with its default settings."""
    from hojichar import Compose, Document, document_filters

    names = (
        "DocumentNormalizer", "DiscardAdultContentJa", "DiscardDiscriminationContentJa", "DiscardViolenceContentJa",
        "DiscardBBSComments", "DiscardAds", "AcceptJapanese", "DiscardRareKuten", "HeaderFooterTagsRemover",
        "MaskPersonalInformation", "CharRepetitionRatioFilter", "SingleCharacterRepetitionFilter",
        "DiscardTooManyEndingEllipsis", "DiscardTooShortLines",
    )  # fmt: skip
    filters = Compose([getattr(document_filters, name)() for name in names])
    return lambda text: not (done := filters.apply(Document(text))).is_rejected and bool(done.text.strip())


def deduplicate() -> Callable[[str], bool]:
    from hojichar import Compose, Document
    from hojichar.filters import deduplication

    filters = Compose([deduplication.GenerateDedupLSH(), deduplication.InlineDeduplicator()])
    return lambda text: not filters.apply(Document(text)).is_rejected


def datasketch() -> Callable[[str], bool]:
    """As its manual shows it, with character 5-grams and the threshold of HojiChar."""
    from datasketch import MinHash, MinHashLSH

    index, numbers = MinHashLSH(threshold=0.8, num_perm=128), itertools.count()

    def is_new(text: str) -> bool:
        minhash = MinHash(num_perm=128)
        minhash.update_batch([text[at : at + 5].encode() for at in range(max(1, len(text) - 4))])
        if index.query(minhash):
            return False
        index.insert(str(next(numbers)), minhash)
        return True

    return is_new


SIDES = {"clean": clean, "deduplicate": deduplicate, "datasketch": datasketch}


def kept(texts: Iterable[str], is_kept: Callable[[str], bool]) -> list[int]:
    return [number for number, text in enumerate(texts) if is_kept(text)]


def main() -> None:
    name, path, *rest = sys.argv[1:]
    is_kept = SIDES[name]()
    most = int(rest[0]) if rest else None
    started = time.process_time()
    found = kept(documents(path, most), is_kept)
    answer = {"kept": found, "seconds": time.process_time() - started}
    answer["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
