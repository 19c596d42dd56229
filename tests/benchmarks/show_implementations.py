"""Prints, as JSON, the implementations that its process knows and the arguments that it was given."""

import json
import sys

import gem_impls

if __name__ == "__main__":
    print(json.dumps(gem_impls.implementations()))
    print(json.dumps(sys.argv[1:]))
