"""The process tree of one machine, and the one process that holds it together.

`settings` is what `skerry up` writes down for a run; `parts` the table of what runs; `assemble` joins the
two into seats. `init` is the process itself: it binds every socket (`listeners`), starts and reaps
(`tree`), waits between restarts (`backoff`, `timers`), kills workers whose engine let go (`leases`) and tells
whoever started it how far it has come (`report`). `lock` answers "does one run here already?". `prepare`
and `start` are for those outside: they make a run ready, start an init and stop one.
All of what init imports is standard library and single-threaded: it must be too simple to die.
"""
