"""The operator of a rollup and its users: a data folder, batches built and posted, and everybody's actions on L1."""
