"""Executes a plan: actions become batches, batches become outcomes.

May import `model` and `live`. Never decides what should be done, and never does what the plan did not show.
"""
