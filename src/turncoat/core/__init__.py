"""The transformation: a plain JAX function, evaluated as a passively secure protocol would."""
