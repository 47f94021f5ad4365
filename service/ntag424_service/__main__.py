"""`python -m ntag424_service`."""

from ntag424_service.cli.main import main

main()
