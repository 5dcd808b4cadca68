"""Data that survives a partition: logs, what they carry, how copies merge. Pure: no clock, disk or network
here, but for `store`.

Read in this order:

`clock`    stamps of 16 bytes. `HybridClock(node, state)`: `tick(now_ms) → Stamp`, `observe(stamp)`, `rewind(last)`,
           `state` (to be stored with every change). `millis`, `node_of`, `text`, `parse`.
`change`   what travels. `Change(stamp, space, key, operations, born)`; `encode(change) → bytes`, `decode(bytes)`,
           `stamp_in(bytes)`. Operations: `Put Delete Assign Unset Add Include Exclude Write`, and `Later` for what
           a newer writer sends.
`merge`    what a record becomes: `record.apply(record, change)`, `record.join(record, other)`,
           `view.view(record, now_ms, policies) → View | None`; `write` makes operations from a record as it is seen.
`log`      `LogName(lane, partition, origin, incarnation)`, `Head(position, hash)`, `Log(name, floor, head, gaps)`,
           `Batch(name, prev, changes, end)`, `sealed(name, prev, changes) → Batch`, `envelope`;
           `extend(log, changes)` by the origin, `append(log, batch, hash_at) → Append(answer, log, skip, hashes)` by
           everybody else, `compare`, `agreed`, `fork_point`, `trim`.
`cursor`   `Cursor(epoch, heads)` of a reader; `steps(own, logs, hub)`: what a session does first with each log.
`drift`    `judge(stamps, node, after, HubTime) → Verdict`, the hub's; `learn(…) → Timeline`, the hub's time for a node.
`settle`   `settle(pending, node, timeline, …) → Settled`: changes made while the time was unknown get new stamps;
           `lift(changes, node, …) → Settled`: so do those that a hub has refused.
`reissue`  `restamp` (same node) and `reissue` (next incarnation) rewrite changes and all that speaks of their stamps;
           `is_doubled`: a hub asks whether another life of the origin has sent them.
`horizon`  `floor`, `may_drop`, `must_bury`, `is_expired`: when deletions are forgotten.
`snapshot` `replace` (down to a reader), `absorb` (up to a hub), `rebuild` (a record with changes put on again).

`store`    the same on a disk: one partition of a node's database (see there).

A store keeps, in one transaction each: a local change with its record, its log row (bytes, hash, boot, time since
boot, wall clock) and the clock's state; a batch that is taken in with its records and the cursor. It answers
`hash_at(position)` for every log, also for a while below the floor. A session settles first, then compares heads,
and only then sends. What else both have to keep to stands in docs/decisions/sync.md, and tests/support/partition
puts it together in memory.

Words: an *origin* is a node's lasting name (5 bytes), an *incarnation* one life of it (3 bytes), both together are
the *node* in its stamps. A change is *settled* once its stamp is final. Limits and sentences: rules/sync.toml.
"""
