# The core's tests: plain programs, no server.  Included by the Makefile.
