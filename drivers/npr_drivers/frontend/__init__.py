"""The reference front-end: the host's end of EMGSTIM/1."""
