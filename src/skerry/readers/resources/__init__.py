"""Evaluated resources → `spec`. Whoever read them (HCL, Terraform's JSON, CloudFront's JSON) hands over `shape`s.

`arguments` holds what becomes of every argument (rules/terraform.toml) and checks a shape against it; `identity`
makes the ids that the cloud would have given. `distribution` builds a distribution from `origin`, `behavior`,
`policy` (with `managed` policies from rules/managed.toml) and `lambda_function`. `draw` is what they share: taking
a value out of a shape, with a finding where it is missing or of the wrong kind.
"""
