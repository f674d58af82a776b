"""The OpenAPI document of the collector: what each door takes and answers, as far as FastAPI cannot know it.

`events` has what all share, too; `segment`, `webhooks` and `forms` describe their doors; `document` puts them together.
"""
