"""The only place that knows everyone: opens the data folder, wires the rooms, starts the processes.

`folder` is what lies where on disk; `house` the wired rooms; `care` backup, restore, rebuild and expiry; `office` and
`supervisor` the processes; `ask` how the command line reaches whichever of them owns the folder.
"""
