"""Wire codecs: bytes in, messages out; no transport, no clock."""
