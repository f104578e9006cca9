"""What there is over HTTP beside GraphQL, described in OpenAPI 3.1 and shown as a page."""
