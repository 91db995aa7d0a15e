"""The EVM: Cancun rules, an injected tracer, and no knowledge of proving.

Start at `zkroll.vm.interpreter.execute_message` (one message on a state) or
`zkroll.vm.transaction.process_transaction` (a whole Ethereum transaction).
"""
