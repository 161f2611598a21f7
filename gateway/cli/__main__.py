"""`python -m gateway.cli`: the same as the `gateway` command."""

from gateway.cli.group import main

main(prog_name="gateway")
