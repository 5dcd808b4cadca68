"""What people already have, read into `spec`: Terraform, its JSON, CloudFront's JSON, `skerry.toml`.

Start at `project`, which reads a folder and never raises for what somebody wrote: `report` collects a finding
for each thing. `settings` reads `skerry.toml` (`schema` checks it). `terraform/` evaluates HCL folders,
`show_json` reads `terraform show -json`, `cloudfront_json` what `aws cloudfront get-distribution-config` prints.
All three yield `resources.shape.Resource`, and `resources/` turns those into distributions and functions.
`changes` compares two projects.
"""
