"""Plans and live states as files: versioned JSON that another run reads.

May import the rooms below `engine`. Contacts nothing and plans nothing. What is written is masked like every report.
"""
