"""Make the things that will ping: marked mails and tracked links. No clock, no chance, no files: bytes in, bytes out."""
