"""What every implementation of the family must do, checked on every implementation the registry knows.

``cases`` says on what, ``inputs`` at which points, ``expected`` what is right, ``bounds`` how exactly, and
``checks`` how each property is checked; the ``test_`` files combine them. A new implementation is picked up
by being registered.
"""
