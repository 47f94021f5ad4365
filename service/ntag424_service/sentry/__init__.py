"""SENTRY-Messenger's tap login."""
