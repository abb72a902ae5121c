"""Content as files, out of the working copy and into it: docs/bundle.md says what they look like.

form: what files may say. reading, writing, table: the files. collecting: out of the working copy. loading: into it.
"""
