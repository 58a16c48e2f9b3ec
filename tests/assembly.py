"""Assembly that Numba writes, for tests of what is in it."""

import re

__all__ = ["is_spilled"]


def is_spilled(assembly: str, register: str, instruction: str) -> bool:
    """Whether a vector register is put on the stack in a function that has an instruction.

    Wrappers have none, but may hand several arguments on by one vector, as for a Zen 4.
    """
    functions = re.split(r"(?m)^\s*\.globl\b", assembly)
    working = [function for function in functions if re.search(instruction, function)]
    return any(re.search(rf"%{register}\d+, -?\d*\(%rsp\)", function) for function in working)
