"""How text is disguised, as data: one file for each kind, read by `plugins.spam.folding`."""
