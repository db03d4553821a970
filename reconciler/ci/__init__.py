"""The steps of the action for GitHub, Forgejo and Gitea (`action.yml`): validate, diff, plan, comment, apply.

Each step starts `reconcile` as a process of its own, and this room adds what a job needs around it: which event it is,
the commit to compare with, and one comment on the pull request. It may use the whole command line, and nothing imports
it. It runs with `python -I`, so that no file of a pull request is taken for a module. See
docs/decisions/0112-an-action-plans-only-what-it-may-trust.md.
"""
