"""Lists that leave as files: rows read page by page, written as CSV or as lines of JSON."""
