"""Jitted cores of the field, NTT, curve and MSM code: flat block arrays in, flat block arrays out.

`emit` writes LLVM IR for field arithmetic on register-held values, `ifma` and `portable` are its two ways
to multiply, `jit` holds the compiler flags and the on-disk cache, `threads` the shared thread pool.
"""
