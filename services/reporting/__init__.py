"""Reports on campaigns: counted off the feed as it is told, and read by the hour.

feed ─► entries: what each one counts as ─► rollup: added to rows, once ─► reports
"""
