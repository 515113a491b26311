"""Law as data: what regions ask for, texts from the settings, records of processing. Not legal advice."""
