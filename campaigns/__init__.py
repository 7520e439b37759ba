"""Long measurements whose results are kept in docs/results: `python -m campaigns list`.

They are the project's, not the user's, and therefore in no wheel. Nothing in hw, sw and sim imports
them.
"""
