"""What runs inside a worker: the shim between the wire and a handler. It imports nothing of Skerry's.

The launcher imports all of it once, before any worker is made, and each worker starts in `shim.serve`.
`frames` is the wire (the engine's side of it is Rust), `environment` what a handler finds around it,
`load` finds the handler, `context` is its second argument, `output` marks whose print is whose, `encode`
makes JSON of the result as AWS would, `trace` cuts a traceback down to the user's lines, `debugger` lets
`breakpoint()` reach a terminal.
"""
