"""The doors of the service. A route parses, calls the use case and formats."""
