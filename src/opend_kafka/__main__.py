"""`python -m opend_kafka`: the command, where its script is not on the path."""

from opend_kafka.cli import main

main()
