"""Terraform's language, read without Terraform: a folder of HCL in, evaluated resources out.

`syntax` names the parts of a file, `parse` makes them and keeps positions, `template` does strings with
`${…}` inside. `value` says what values there are (first of all `Unknown`: known after apply, or never),
`evaluate` computes expressions over a scope, `functions/` holds the built-in functions. `modules` gives
names their meaning (variables, locals, resources, child modules), `attributes` what the cloud would compute,
and `read` puts a folder through all of it.
"""
