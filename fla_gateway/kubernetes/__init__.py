"""Callers of a Kubernetes cluster: service account tokens and the cluster's JWKS."""
