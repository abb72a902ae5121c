"""The translator's desk: one language at a time, the source beside it. Knows modeltranslation, not medicine."""
