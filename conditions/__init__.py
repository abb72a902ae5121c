"""The medicine: the working copy, what is made of it for the gate, and the pages readers see."""
