"""The flow: physical star coordinates to a Gaussian base and back."""
