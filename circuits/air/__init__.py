"""AIR framework: expressions, chips, buses, the logUp argument, witness filling and the debug checker."""
