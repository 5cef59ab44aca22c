"""The clinician's report: figures and a self-contained page."""
