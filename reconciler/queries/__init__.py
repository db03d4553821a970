"""The queries behind `status`, `explain`, `doctor` and `import`.

May import `engine` and everything below it. Never changes an instance.
"""
