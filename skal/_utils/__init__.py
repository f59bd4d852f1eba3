"""What every room stands on. It imports nothing from the rooms above."""
