"""The shape of the family: distance to ReLU, junction, slopes, moments; in high precision and closed form.

Deterministic: no clock, no random number, no torch. ``python -m benchmarks shape`` writes the record.
"""
