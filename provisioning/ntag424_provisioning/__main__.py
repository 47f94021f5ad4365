"""`python -m ntag424_provisioning` is `ntag424`."""

from ntag424_provisioning.cli.main import main

main()
