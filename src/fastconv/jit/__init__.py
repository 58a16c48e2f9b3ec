"""Everything that touches Numba: the decorators, the drivers, the machine table and the vector code."""
