"""Shipped testbench helpers: streams with stalls, simulations with a time limit, whole machines."""
