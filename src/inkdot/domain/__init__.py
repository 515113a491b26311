"""The words of Inkdot: frozen data and small laws. No I/O, no clock, standard library only."""
