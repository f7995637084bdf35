"""WattTime: marginal emissions."""
