"""Mark documents: a linked picture in Word, PowerPoint, Excel and OpenDocument files. Open `marking.py` first."""
