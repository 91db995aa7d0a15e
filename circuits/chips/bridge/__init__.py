"""The bridge to L1: messages from its queue, withdrawals to it and the tree over them."""
