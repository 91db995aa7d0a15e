"""The wrap circuit: the field side of the verifier of inner proofs as an R1CS with one public input.

`circuit.wrap_circuit` builds it, `inputs.wrap_inputs` gives its private inputs; what a verifier needs is in
`zkroll.verifier.wrap`.
"""
