"""The AsyncAPI document and the page of topics: made from registry and models, never by hand."""
