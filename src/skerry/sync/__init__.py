"""Data that survives a partition: logs, what they carry, how copies merge. Pure: no clock, disk or network here."""
