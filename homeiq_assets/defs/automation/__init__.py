"""What runs without a hand: schedules, sensors, checks, ageing, history."""
