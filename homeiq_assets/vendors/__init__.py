"""How a vendor is asked: HTTP, quotas, circuit breaker, answer cache, state files, what several feeds share."""
