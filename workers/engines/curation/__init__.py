"""Makes dataset versions: from the pages of documents to records for training and evaluation."""
