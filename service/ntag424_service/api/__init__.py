"""What all routes share: problems, bodies, strict JSON, and the OpenAPI document."""
