"""The running product: recommend, observe, swap, health. No HTTP and no argv."""
