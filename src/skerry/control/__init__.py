"""Desired state: what the project says, brought to every PoP.

`desired` turns a project into what engines and launcher are told; `engines` and `launcher` are the
connections to them; `watch` sees edits; `reload` joins these: read, prove, define, push, and keep the last
good state where any of it fails. `service` is the process, `api` its unix socket with a token, `client` the
other end of that socket, which the command line uses.
"""
