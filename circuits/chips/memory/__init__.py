"""The EVM's memory as 32-byte words on the memory bus: initial and final words, aligned and other access."""
