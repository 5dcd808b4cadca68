"""What the demo is made of: `stage` starts and stops things, `viewer` asks, `screen` tells, `steps` is the tour."""
