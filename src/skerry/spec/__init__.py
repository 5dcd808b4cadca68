"""What can be wanted, in one vocabulary, whoever wrote it down.

Every reader (Terraform, distribution JSON, `skerry.toml`) produces these immutable structs; the words of
clouds stay with the readers. Start at `project`, which holds the rest: `distribution` (what is served),
`function` (code at the edge), `pop` (where it runs on one machine).
"""
