"""Files of rows taken in: received in pages, then worked on page by page, each kind by its plan."""
