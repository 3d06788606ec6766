"""Pictures of the pages of documents, for people who look at them."""
