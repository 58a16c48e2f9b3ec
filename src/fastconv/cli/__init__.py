"""The command line, one module a command; `fastconv.cli.main` lists them."""
