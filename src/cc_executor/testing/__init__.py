"""Fakes and contract suites that CC Executor ships, for its own tests and for yours.

Nothing here is imported by the rest of the package, except by `cc-executor demo`.
"""
