"""An index as a LangChain retriever, for chains and agents built on `langchain_core`."""

from __future__ import annotations

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from workers.contract.personal_data import PersonalDataMode
from workers.engines.shared.index.embedding import Embedder
from workers.engines.shared.index.search import Index


class KoshaRetriever(BaseRetriever):
    """`invoke(question)` → documents, best first; metadata holds the source and the scores."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Index
    embedder: Embedder
    limit: int = 5
    groups: tuple[str, ...]
    """Groups of the person who asks: only passages that one of these groups may read are found."""
    excluded_document_ids: tuple[str, ...] = ()
    personal_data: PersonalDataMode = "masked"
    masked_document_ids: tuple[str, ...] = ()

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        hits = self.index.search(
            query,
            self.embedder,
            limit=self.limit,
            groups=self.groups,
            excluded_document_ids=self.excluded_document_ids,
            personal_data=self.personal_data,
            masked_document_ids=self.masked_document_ids,
        )
        documents = []
        for hit in hits:
            scores = {"score": hit.score, "dense_score": hit.dense_score, "lexical_score": hit.lexical_score}
            metadata = hit.source.model_dump(exclude_none=True) | scores
            metadata["personal_data"] = hit.personal_data
            documents.append(Document(id=hit.chunk_id, page_content=hit.text, metadata=metadata))
        return documents
