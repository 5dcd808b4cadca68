"""Desired state: what the project says, brought to every PoP.

`desired` turns a project into what engines are told; `engines` holds the connections to them, `functions`
proves handlers at the launcher; `watch` sees edits; `reload` joins these: read, prove, compile, push, and keep
the last good state where any of it fails. `tls` keeps certificates fresh, `purge` waits for every PoP,
`state` and `rates` tell what is. `service` is the process, `api` its unix socket with a token and the events
that go out over it, `client` the other end of that socket, which the command line uses.
"""
