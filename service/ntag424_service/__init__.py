"""The service: a tap in, a short-lived session token out."""
