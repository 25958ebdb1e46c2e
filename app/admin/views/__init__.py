"""What pages and the admin API show, built from what was read before: values in, values out.

Each is a model, so that the API is described by what it answers.
"""
