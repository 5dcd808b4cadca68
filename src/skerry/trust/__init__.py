"""Who may be believed: the local CA, the certificates it signs, and the keys of TLS session tickets.

`authority` is the CA, one a user, made once. `certificate` has it sign what a PoP shows to viewers, and renews
that in time. `store` tells systems and browsers to believe the CA, and takes it back. `ticket` keeps the keys by
which any engine resumes a session that another began. `folder` does for an engine's TLS folder all of this in one
call. Nothing here is called while a request is served.
"""
