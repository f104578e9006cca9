"""The rules language: text in, answers out.

    parse ─► check ─┬─► evaluate   one person, cart or event, in Python
                    ├─► to_mongo   a whole collection, in the database
                    └─► format     the same text, canonical

Imports nothing else from this project.
"""
